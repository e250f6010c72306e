// HiveMQ CE in this process, at its defaults: java -cp CLASSPATH tests/peers/HiveMq.java PORT FOLDER [MAX_QUEUE_SIZE]
// CLASSPATH: com.hivemq:hivemq-community-edition-embedded and what it needs, from Maven Central.
import com.hivemq.embedded.EmbeddedHiveMQ;
import java.nio.file.*;

public class HiveMq {
    public static void main(String[] given) throws Exception {
        Path folder = Path.of(given[1]).toAbsolutePath();
        for (String name : new String[] {"conf", "data", "extensions"}) Files.createDirectories(folder.resolve(name));
        String queue = given.length < 3 ? "" : "<queued-messages><max-queue-size>" + given[2] + "</max-queue-size></queued-messages>";
        Files.writeString(folder.resolve("conf/config.xml"), "<?xml version=\"1.0\"?><hivemq><listeners><tcp-listener><port>" + given[0]
            + "</port><bind-address>127.0.0.1</bind-address></tcp-listener></listeners><mqtt>" + queue + "</mqtt>"
            + "<anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics></hivemq>");
        EmbeddedHiveMQ broker = EmbeddedHiveMQ.builder().withConfigurationFolder(folder.resolve("conf"))
            .withDataFolder(folder.resolve("data")).withExtensionsFolder(folder.resolve("extensions")).build();
        broker.start().join();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> broker.stop().join()));
        Thread.sleep(Long.MAX_VALUE);
    }
}
