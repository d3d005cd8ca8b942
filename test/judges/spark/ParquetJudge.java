package serac.judges;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.iceberg.Files;
import org.apache.iceberg.Schema;
import org.apache.iceberg.SchemaParser;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.parquet.GenericParquetReaders;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.parquet.Parquet;
import org.apache.iceberg.types.Type;
import org.apache.iceberg.types.Types;
import org.apache.iceberg.variants.Variant;
import org.apache.iceberg.variants.VariantMetadata;
import org.apache.iceberg.variants.VariantValue;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.internal.column.columnindex.ColumnIndex;
import org.apache.parquet.internal.column.columnindex.OffsetIndex;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;

/**
 * What Python cannot ask Spark for: the footer and page indexes of a Parquet file as parquet-java reads them, and
 * its rows as Iceberg's own reader sees them, in canonical text (test/interop/canonical-rows.ts); a variant is the pair
 * of its metadata and its value.
 */
public final class ParquetJudge {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ParquetJudge() {}

  // ---- footer

  /** Row groups, their columns and pages, as JSON. */
  public static String rowGroups(String path) throws IOException {
    ArrayNode groups = JSON.createArrayNode();
    HadoopInputFile input = HadoopInputFile.fromPath(new Path(path), new Configuration());
    try (ParquetFileReader reader = ParquetFileReader.open(input)) {
      for (BlockMetaData block : reader.getFooter().getBlocks()) {
        ObjectNode group = groups.addObject().put("rows", block.getRowCount());
        ArrayNode columns = group.putArray("columns");
        for (ColumnChunkMetaData chunk : block.getColumns()) {
          columns.add(column(chunk, reader));
        }
      }
    }
    return JSON.writeValueAsString(groups);
  }

  private static ObjectNode column(ColumnChunkMetaData chunk, ParquetFileReader reader) throws IOException {
    PrimitiveType type = chunk.getPrimitiveType();
    ObjectNode found = JSON.createObjectNode();
    found.put("path", chunk.getPath().toDotString());
    found.put("codec", chunk.getCodec().name());
    ArrayNode encodings = found.putArray("encodings");
    chunk.getEncodings().stream().map(Enum::name).sorted().forEach(encodings::add);
    found.put("valueCount", chunk.getValueCount());
    found.put("bloomFilter", reader.readBloomFilter(chunk) != null);
    Statistics<?> statistics = chunk.getStatistics();
    if (statistics.isNumNullsSet()) {
      found.put("nullCount", statistics.getNumNulls());
    }
    if (statistics.hasNonNullValue()) {
      found.put("min", plain(statistics.getMinBytes(), type));
      found.put("max", plain(statistics.getMaxBytes(), type));
    }
    OffsetIndex offsets = reader.readOffsetIndex(chunk);
    found.put("pageIndex", offsets != null);
    ColumnIndex index = reader.readColumnIndex(chunk);
    if (index != null && offsets != null) {
      found.set("pages", pages(index, offsets, type));
    }
    return found;
  }

  private static ArrayNode pages(ColumnIndex index, OffsetIndex offsets, PrimitiveType type) {
    ArrayNode pages = JSON.createArrayNode();
    for (int i = 0; i < offsets.getPageCount(); i += 1) {
      ObjectNode page = pages.addObject().put("firstRow", offsets.getFirstRowIndex(i));
      if (index.getNullCounts() != null) {
        page.put("nullCount", index.getNullCounts().get(i));
      }
      if (!index.getNullPages().get(i)) {
        page.put("min", plain(bytes(index.getMinValues().get(i)), type));
        page.put("max", plain(bytes(index.getMaxValues().get(i)), type));
      }
    }
    return pages;
  }

  /** A stored value as text: bytes in hexadecimal, a decimal unscaled, any other number in digits. */
  private static String plain(byte[] stored, PrimitiveType type) {
    ByteBuffer little = ByteBuffer.wrap(stored).order(ByteOrder.LITTLE_ENDIAN);
    switch (type.getPrimitiveTypeName()) {
      case BOOLEAN:
        return stored[0] == 0 ? "false" : "true";
      case INT32:
        return Integer.toString(little.getInt());
      case INT64:
        return Long.toString(little.getLong());
      case FLOAT:
        return Double.toString(little.getFloat());
      case DOUBLE:
        return Double.toString(little.getDouble());
      default:
        boolean decimal = type.getLogicalTypeAnnotation() instanceof DecimalLogicalTypeAnnotation;
        return decimal ? new BigInteger(stored).toString() : HexFormat.of().formatHex(stored);
    }
  }

  // ---- rows

  /** One line a row, in the order of the file; the schema is Iceberg's JSON. */
  public static String icebergRows(String path, String schemaJson) throws IOException {
    Schema schema = SchemaParser.fromJson(schemaJson);
    StringBuilder lines = new StringBuilder();
    try (CloseableIterable<Record> records = open(path, schema).build()) {
      for (Record record : records) {
        print(record, schema.asStruct(), lines);
        lines.append('\n');
      }
    }
    return lines.toString();
  }

  /** How many rows are in the row groups that Iceberg's filters leave: statistics, dictionaries, bloom filters. */
  public static int icebergCount(String path, String schemaJson, String column, String text) throws IOException {
    Schema schema = SchemaParser.fromJson(schemaJson);
    int rows = 0;
    try (CloseableIterable<Record> records =
        open(path, schema).filter(Expressions.equal(column, literal(text, schema.findType(column)))).build()) {
      for (Record ignored : records) {
        rows += 1;
      }
    }
    return rows;
  }

  private static Object literal(String text, Type type) {
    switch (type.typeId()) {
      case INTEGER:
        return Integer.valueOf(text);
      case LONG:
        return Long.valueOf(text);
      case DOUBLE:
        return Double.valueOf(text);
      case BINARY:
      case FIXED:
        return ByteBuffer.wrap(HexFormat.of().parseHex(text));
      default:
        return text;
    }
  }

  private static Parquet.ReadBuilder open(String path, Schema schema) {
    return Parquet.read(Files.localInput(path))
        .project(schema)
        .createReaderFunc(fileSchema -> GenericParquetReaders.buildReader(schema, fileSchema));
  }

  private static void print(Object value, Type type, StringBuilder out) throws IOException {
    if (value == null) {
      out.append("null");
      return;
    }
    switch (type.typeId()) {
      case STRUCT:
        Record record = (Record) value;
        List<Types.NestedField> fields = type.asStructType().fields();
        for (int i = 0; i < fields.size(); i += 1) {
          print(record.get(i), fields.get(i).type(), out.append(i == 0 ? '[' : ','));
        }
        out.append(']');
        return;
      case LIST:
        out.append('[');
        String separator = "";
        for (Object item : (List<?>) value) {
          print(item, type.asListType().elementType(), out.append(separator));
          separator = ",";
        }
        out.append(']');
        return;
      case VARIANT:
        Variant variant = (Variant) value;
        VariantMetadata metadata = variant.metadata();
        ByteBuffer names = ByteBuffer.allocate(metadata.sizeInBytes()).order(ByteOrder.LITTLE_ENDIAN);
        metadata.writeTo(names, 0);
        VariantValue inner = variant.value();
        ByteBuffer values = ByteBuffer.allocate(inner.sizeInBytes()).order(ByteOrder.LITTLE_ENDIAN);
        inner.writeTo(values, 0);
        out.append("[\"").append(HexFormat.of().formatHex(names.array()));
        out.append("\",\"").append(HexFormat.of().formatHex(values.array())).append("\"]");
        return;
      case MAP:
        printMap((Map<?, ?>) value, type.asMapType(), out);
        return;
      default:
        out.append(leaf(value, type));
    }
  }

  private static void printMap(Map<?, ?> value, Types.MapType type, StringBuilder out) throws IOException {
    List<String[]> pairs = new ArrayList<>();
    for (Map.Entry<?, ?> entry : value.entrySet()) {
      StringBuilder key = new StringBuilder();
      StringBuilder item = new StringBuilder();
      print(entry.getKey(), type.keyType(), key);
      print(entry.getValue(), type.valueType(), item);
      pairs.add(new String[] {key.toString(), item.toString()});
    }
    pairs.sort((a, b) -> java.util.Arrays.compareUnsigned(utf8(a[0]), utf8(b[0])));
    out.append('[');
    for (int i = 0; i < pairs.size(); i += 1) {
      out.append(i == 0 ? "[" : ",[").append(pairs.get(i)[0]).append(',').append(pairs.get(i)[1]).append(']');
    }
    out.append(']');
  }

  private static byte[] utf8(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }

  private static String leaf(Object value, Type type) throws IOException {
    boolean nanos = type.typeId() == Type.TypeID.TIMESTAMP_NANO;
    if (value instanceof Float || value instanceof Double) {
      return number(((Number) value).doubleValue());
    } else if (value instanceof BigDecimal) {
      return '"' + ((BigDecimal) value).toPlainString() + '"';
    } else if (value instanceof LocalDate) {
      return '"' + civil((LocalDate) value) + '"';
    } else if (value instanceof LocalTime) {
      return '"' + clock((LocalTime) value, false) + '"';
    } else if (value instanceof LocalDateTime) {
      return '"' + stamp((LocalDateTime) value, nanos) + '"';
    } else if (value instanceof OffsetDateTime) {
      return '"' + stamp(((OffsetDateTime) value).toLocalDateTime(), nanos) + "Z\"";
    } else if (value instanceof UUID || value instanceof Long) {
      return '"' + value.toString() + '"';
    } else if (value instanceof byte[]) {
      return '"' + HexFormat.of().formatHex((byte[]) value) + '"';
    } else if (value instanceof ByteBuffer) {
      return '"' + HexFormat.of().formatHex(bytes((ByteBuffer) value)) + '"';
    }
    return JSON.writeValueAsString(value);
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] copy = new byte[buffer.remaining()];
    buffer.duplicate().get(copy);
    return copy;
  }

  /** Digits of Java's own; who compares takes them as a number. */
  private static String number(double value) {
    if (value == 0) {
      return 1 / value < 0 ? "\"-0\"" : "0";
    }
    return Double.isFinite(value) ? Double.toString(value) : "\"" + value + "\"";
  }

  private static String civil(LocalDate date) {
    int year = date.getYear();
    String sign = year < 0 ? "-" : "+";
    String text = year >= 0 && year <= 9999 ? String.format("%04d", year) : sign + String.format("%06d", Math.abs(year));
    return String.format("%s-%02d-%02d", text, date.getMonthValue(), date.getDayOfMonth());
  }

  private static String clock(LocalTime time, boolean nanos) {
    String whole = String.format("%02d:%02d:%02d", time.getHour(), time.getMinute(), time.getSecond());
    return whole + (nanos ? String.format(".%09d", time.getNano()) : String.format(".%06d", time.getNano() / 1000));
  }

  private static String stamp(LocalDateTime moment, boolean nanos) {
    return civil(moment.toLocalDate()) + 'T' + clock(moment.toLocalTime(), nanos);
  }
}
