// Payloads of an edge node, encoded by Eclipse Tahu: java -cp CLASSPATH tests/peers/Tahu.java COUNT START_MS
// Prints a topic and a payload in Base64 in each line: births, COUNT values one by one by their alias, COUNT historical ones in
// one message, COUNT compressed by GZIP and by DEFLATE, and one in an instance of a template.
import java.util.*;
import org.eclipse.tahu.message.SparkplugBPayloadEncoder;
import org.eclipse.tahu.message.model.*;
import org.eclipse.tahu.message.model.Metric.MetricBuilder;
import org.eclipse.tahu.message.model.SparkplugBPayload.SparkplugBPayloadBuilder;
import org.eclipse.tahu.util.CompressionAlgorithm;
import org.eclipse.tahu.util.PayloadUtil;

public class Tahu {
    static long start;
    static long seq = 0;

    static Metric metric(String name, Long alias, int number, boolean isHistorical) throws Exception {
        MetricBuilder builder = name == null
            ? new MetricBuilder(alias, MetricDataType.Double, 1000.0 + number)
            : new MetricBuilder(name, MetricDataType.Double, 1000.0 + number);
        if (alias != null) builder.alias(alias);
        if (isHistorical) builder.isHistorical(true);
        return builder.timestamp(new Date(start + number * 60_000L)).createMetric();
    }

    static List<Metric> metrics(int first, int count, boolean isHistorical) throws Exception {
        List<Metric> all = new ArrayList<>();
        for (int at = 0; at < count; at++) all.add(metric("main/energy", 1L, first + at, isHistorical));
        return all;
    }

    static SparkplugBPayload payload(List<Metric> metrics) {
        return new SparkplugBPayloadBuilder(seq++ % 256).setTimestamp(new Date(start)).addMetrics(metrics).createPayload();
    }

    static void print(String kind, SparkplugBPayload payload) throws Exception {
        byte[] bytes = new SparkplugBPayloadEncoder().getBytes(payload, false);
        System.out.println("spBv1.0/BMA/" + kind + " " + Base64.getEncoder().encodeToString(bytes));
    }

    static Metric inTemplate(int number) throws Exception {
        Metric member = new MetricBuilder("energy", MetricDataType.Double, 1000.0 + number)
            .timestamp(new Date(start + number * 60_000L)).createMetric();
        Template instance = new Template.TemplateBuilder().version("1").templateRef("Meter").definition(false).addMetric(member).createTemplate();
        return new MetricBuilder("aircon", MetricDataType.Template, instance).timestamp(new Date(start + number * 60_000L)).createMetric();
    }

    public static void main(String[] given) throws Exception {
        int count = Integer.parseInt(given[0]);
        start = Long.parseLong(given[1]);
        Metric bdSeq = new MetricBuilder("bdSeq", MetricDataType.Int64, 0L).timestamp(new Date(start)).createMetric();
        Metric rebirth = new MetricBuilder("Node Control/Rebirth", MetricDataType.Boolean, false).timestamp(new Date(start)).createMetric();
        print("NBIRTH/edge-1", payload(List.of(bdSeq, rebirth)));
        print("DBIRTH/edge-1/panel", payload(List.of(metric("main/energy", 1L, 0, false), inTemplate(0))));
        for (int number = 1; number <= count; number++) print("DDATA/edge-1/panel", payload(List.of(metric(null, 1L, number, false))));
        print("DDATA/edge-1/panel", payload(metrics(count + 1, count, true)));
        print("DDATA/edge-1/panel", PayloadUtil.compress(payload(metrics(2 * count + 1, count, false)), CompressionAlgorithm.GZIP, false));
        print("DDATA/edge-1/panel", PayloadUtil.compress(payload(metrics(3 * count + 1, count, false)), CompressionAlgorithm.DEFLATE, false));
        print("DDATA/edge-1/panel", payload(List.of(inTemplate(1))));
    }
}
