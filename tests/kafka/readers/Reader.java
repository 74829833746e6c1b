// SPDX-License-Identifier: Apache-2.0
/*
 * Reads a topic as a service written in Java would: Kafka's own consumer (read_committed), Avro's own decoder with its
 * logical types, schemas from the registry by the id in each value. Prints a JSON line a message, by partition and offset.
 *   java Reader BROKERS REGISTRY-URL TOPIC MESSAGES      ends with 1 when there are fewer (after 60 s) or more
 * MESSAGES "-": to the end of the topic as it is, however much that is; ends with 1 when nothing comes for 60 s.
 * REGISTRY-URL "-": values are printed as their size.
 * How values are printed: README.md beside this file.
 */
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public final class Reader {
    private static final GenericData DATA = new GenericData();

    static {
        DATA.addLogicalTypeConversion(new Conversions.DecimalConversion());
        DATA.addLogicalTypeConversion(new Conversions.UUIDConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.DateConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
    }

    private final String registry;
    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<Integer, Schema> schemas = new HashMap<>();

    private Reader(String registry) {
        this.registry = registry;
    }

    private Schema schema(int id) throws Exception {
        Schema known = schemas.get(id);
        if (known != null)
            return known;
        HttpRequest request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id))
                .header("Accept", "application/vnd.schemaregistry.v1+json").timeout(Duration.ofSeconds(20)).build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200)
            throw new IllegalStateException("schema " + id + ": " + answer.statusCode() + " " + answer.body());
        Schema schema = new Schema.Parser().parse(new ObjectMapper().readTree(answer.body()).get("schema").asText());
        schemas.put(id, schema);
        return schema;
    }

    private Object decode(byte[] bytes) throws Exception {
        if (bytes == null)
            return null;
        if (registry.equals("-"))
            return bytes.length;
        ByteBuffer framed = ByteBuffer.wrap(bytes);
        if (framed.get() != 0)
            throw new IllegalStateException("a value without the registry's framing");
        Schema schema = schema(framed.getInt());
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, 5, bytes.length - 5, null);
        Object value = new GenericDatumReader<>(schema, schema, DATA).read(null, decoder);
        if (!decoder.isEnd())
            throw new IllegalStateException("bytes are left after the value");
        return value;
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\')
                out.append('\\').append(c);
            else if (c < ' ')
                out.append(String.format("\\u%04x", (int) c));
            else
                out.append(c);
        }
        out.append('"');
    }

    private static void tagged(String tag, Object value, StringBuilder out) {
        out.append("{\"").append(tag).append("\":");
        if (value instanceof Number && !(value instanceof BigDecimal))
            out.append(value);
        else
            quote(value.toString(), out);
        out.append('}');
    }

    private static String hex(ByteBuffer bytes) {
        StringBuilder out = new StringBuilder();
        for (ByteBuffer b = bytes.duplicate(); b.hasRemaining();)
            out.append(String.format("%02x", b.get()));
        return out.toString();
    }

    private static long micros(long seconds, int nanos) {
        return Math.addExact(Math.multiplyExact(seconds, 1_000_000L), nanos / 1000);
    }

    private static void print(Object value, StringBuilder out) {
        if (value == null || value instanceof Boolean || value instanceof Integer || value instanceof Long)
            out.append(value);
        else if (value instanceof Float)
            tagged("float", String.format("%08x", Float.floatToRawIntBits((Float) value)), out);
        else if (value instanceof Double)
            tagged("double", String.format("%016x", Double.doubleToRawLongBits((Double) value)), out);
        else if (value instanceof BigDecimal)
            tagged("decimal", ((BigDecimal) value).toPlainString(), out);
        else if (value instanceof ByteBuffer)
            tagged("bytes", hex((ByteBuffer) value), out);
        else if (value instanceof UUID)
            tagged("uuid", value, out);
        else if (value instanceof LocalDate)
            tagged("date", ((LocalDate) value).toEpochDay(), out);
        else if (value instanceof LocalTime)
            tagged("time-micros", ((LocalTime) value).toNanoOfDay() / 1000, out);
        else if (value instanceof Instant)
            tagged("timestamp-micros", micros(((Instant) value).getEpochSecond(), ((Instant) value).getNano()), out);
        else if (value instanceof LocalDateTime)
            tagged("local-timestamp-micros",
                    micros(((LocalDateTime) value).toEpochSecond(ZoneOffset.UTC), ((LocalDateTime) value).getNano()), out);
        else if (value instanceof CharSequence)
            quote(value.toString(), out);
        else if (value instanceof List)
            printList((List<?>) value, out);
        else if (value instanceof Map)
            printMap((Map<?, ?>) value, out);
        else if (value instanceof GenericRecord)
            printRecord((GenericRecord) value, out);
        else
            throw new IllegalStateException("a value of " + value.getClass());
    }

    private static void printList(List<?> list, StringBuilder out) {
        String separator = "";
        out.append('[');
        for (Object element : list) {
            out.append(separator);
            print(element, out);
            separator = ",";
        }
        out.append(']');
    }

    private static void printMap(Map<?, ?> map, StringBuilder out) {
        Map<String, Object> sorted = new TreeMap<>();
        map.forEach((name, value) -> sorted.put(name.toString(), value));
        String separator = "";
        out.append('{');
        for (Map.Entry<String, Object> e : sorted.entrySet()) {
            out.append(separator);
            quote(e.getKey(), out);
            out.append(':');
            print(e.getValue(), out);
            separator = ",";
        }
        out.append('}');
    }

    private static void printRecord(GenericRecord record, StringBuilder out) {
        String separator = "";
        out.append('{');
        for (Schema.Field field : record.getSchema().getFields()) {
            out.append(separator);
            quote(field.name(), out);
            out.append(':');
            print(record.get(field.pos()), out);
            separator = ",";
        }
        out.append('}');
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    private String line(ConsumerRecord<byte[], byte[]> message) throws Exception {
        StringBuilder out = new StringBuilder();
        out.append("{\"partition\":").append(message.partition()).append(",\"offset\":").append(message.offset());
        out.append(",\"timestamp\":").append(message.timestamp()).append(",\"key\":");
        print(text(message.key()), out);
        Map<String, String> headers = new TreeMap<>();
        for (Header header : message.headers())
            headers.put(header.key(), text(header.value()));
        out.append(",\"headers\":");
        printMap(headers, out);
        out.append(",\"value\":");
        print(decode(message.value()), out);
        return out.append('}').toString();
    }

    private static KafkaConsumer<byte[], byte[]> consumer(String brokers) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        settings.put("isolation.level", "read_committed");
        settings.put("auto.offset.reset", "earliest");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static List<TopicPartition> partitionsOf(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        List<TopicPartition> partitions = new ArrayList<>();
        consumer.partitionsFor(topic).forEach(p -> partitions.add(new TopicPartition(topic, p.partition())));
        partitions.sort(Comparator.comparingInt(TopicPartition::partition));
        return partitions;
    }

    /* A partition after the other, printed as it comes: nothing is held, for a topic may be larger than memory. */
    private void printToEnd(String brokers, String topic, PrintStream out) throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(brokers)) {
            for (TopicPartition partition : partitionsOf(consumer, topic)) {
                List<TopicPartition> one = List.of(partition);
                consumer.assign(one);
                consumer.seekToBeginning(one);
                long end = consumer.endOffsets(one).get(partition), before = -1, since = System.nanoTime(), at;
                while ((at = consumer.position(partition)) < end) {
                    if (at != before)
                        since = System.nanoTime();
                    else if (System.nanoTime() - since > 60_000_000_000L)
                        throw new IllegalStateException(partition + ": nothing comes after " + at + ", before " + end);
                    before = at;
                    for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofMillis(200)))
                        out.append(line(message)).append('\n');
                }
            }
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String brokers, String topic, int wanted) {
        List<ConsumerRecord<byte[], byte[]>> messages = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(brokers)) {
            List<TopicPartition> partitions = partitionsOf(consumer, topic);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + 60_000_000_000L;
            while (messages.size() < wanted && System.nanoTime() < deadline)
                consumer.poll(Duration.ofMillis(200)).forEach(messages::add);
            consumer.poll(Duration.ofMillis(500)).forEach(messages::add);
        }
        messages.sort(Comparator.<ConsumerRecord<byte[], byte[]>>comparingInt(ConsumerRecord::partition)
                .thenComparingLong(ConsumerRecord::offset));
        return messages;
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 4) {
            System.err.println("usage: Reader BROKERS REGISTRY-URL TOPIC MESSAGES");
            System.exit(2);
        }
        Reader reader = new Reader(args[1]);
        try (PrintStream out = new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
                     false, StandardCharsets.UTF_8)) {
            if (args[3].equals("-")) {
                reader.printToEnd(args[0], args[2], out);
                return;
            }
            int wanted = Integer.parseInt(args[3]);
            List<ConsumerRecord<byte[], byte[]>> messages = read(args[0], args[2], wanted);
            for (ConsumerRecord<byte[], byte[]> message : messages)
                out.append(reader.line(message)).append('\n');
            out.flush();
            if (messages.size() != wanted) {
                System.err.println(messages.size() + " messages, not " + wanted);
                System.exit(1);
            }
        }
    }
}
