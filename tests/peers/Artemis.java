// ActiveMQ Artemis in this process, with its journal: java -cp CLASSPATH tests/peers/Artemis.java PORT FOLDER
// CLASSPATH: org.apache.activemq:artemis-server and artemis-mqtt-protocol and what they need, from Maven Central.
import java.nio.file.Path;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;

public class Artemis {
    public static void main(String[] given) throws Exception {
        Path folder = Path.of(given[1]);
        var configuration = new ConfigurationImpl()
                .setSecurityEnabled(false)
                .setPersistenceEnabled(true)
                .setBindingsDirectory(folder.resolve("bindings").toString())
                .setJournalDirectory(folder.resolve("journal").toString())
                .setLargeMessagesDirectory(folder.resolve("large").toString())
                .setPagingDirectory(folder.resolve("paging").toString())
                .addAcceptorConfiguration("mqtt", "tcp://127.0.0.1:" + given[0] + "?protocols=MQTT");
        var broker = new EmbeddedActiveMQ().setConfiguration(configuration);
        broker.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try { broker.stop(); } catch (Exception error) { error.printStackTrace(); }
        }));
        Thread.sleep(Long.MAX_VALUE);
    }
}
