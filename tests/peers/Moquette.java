// Moquette in this process, with its store: java -cp CLASSPATH tests/peers/Moquette.java PORT FOLDER
// CLASSPATH: io.moquette:moquette-broker and what it needs, from Maven Central.
import io.moquette.broker.Server;
import io.moquette.broker.config.MemoryConfig;
import java.nio.file.*;
import java.util.Properties;

public class Moquette {
    public static void main(String[] given) throws Exception {
        Files.createDirectories(Path.of(given[1]));
        Properties settings = new Properties();
        settings.setProperty("port", given[0]);
        settings.setProperty("host", "127.0.0.1");
        settings.setProperty("data_path", given[1]);
        settings.setProperty("persistence_enabled", "true");
        settings.setProperty("allow_anonymous", "true");
        Server broker = new Server();
        broker.startServer(new MemoryConfig(settings));
        Runtime.getRuntime().addShutdownHook(new Thread(broker::stopServer));
        Thread.sleep(Long.MAX_VALUE);
    }
}
