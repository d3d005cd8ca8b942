//! iceberg-rust as a peer of bench/scans.mjs. One job, as JSON in the first argument; one line of JSON on standard
//! output. Warm-up, clock, memory and sums are as in ../../shared/measure.mjs and checks.mjs. The table is opened
//! inside the clock.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use futures::TryStreamExt;
use iceberg::TableIdent;
use iceberg::expr::{Predicate, Reference};
use iceberg::io::FileIO;
use iceberg::scan::TableScan;
use iceberg::spec::Datum;
use iceberg::table::StaticTable;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

const VERSION: &str = "0.10.1";
const TICKS_PER_SECOND: f64 = 100.0;

/// What a scan adds up to, by column: the sum, and for strings their bytes.
#[derive(Default)]
struct Check {
    rows: usize,
    columns: BTreeMap<String, (u64, Option<usize>)>,
}

/// What a run gives: rows - of mode `plan` files -, and in mode `table` the batches that it held.
struct Scanned {
    rows: usize,
    batches: Vec<RecordBatch>,
}

fn main() -> Outcome<()> {
    let job: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("a job is missing")?)?;
    let threads = job["threads"].as_u64().unwrap_or(1) as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    println!("{}", runtime.block_on(measure(&job))?);
    Ok(())
}

async fn measure(job: &Value) -> Outcome<Value> {
    let repeats = job["repeats"].as_u64().unwrap_or(1);
    let start_mb = status_mb("VmRSS");
    let mut check = Check::default();
    let start = Instant::now();
    let warm = run(job, Some(&mut check)).await?;
    let first_seconds = start.elapsed().as_secs_f64();
    warm.batches.iter().for_each(|batch| check.add(batch));
    check.rows = warm.rows;
    drop(warm);
    fs::write("/proc/self/clear_refs", "5")?;
    let cpu = cpu_seconds();
    let mut times = vec![];
    let mut last: Option<Scanned> = None;
    for _ in 0..repeats {
        drop(last.take());
        let start = Instant::now();
        let scanned = run(job, None).await?;
        times.push(start.elapsed().as_secs_f64());
        last = Some(scanned);
    }
    let cpu = (cpu_seconds() - cpu) / repeats as f64;
    let peak_mb = status_mb("VmHWM");
    let last = last.ok_or("no run was asked for")?;
    let held: usize = last.batches.iter().map(RecordBatch::get_array_memory_size).sum();
    times.sort_by(f64::total_cmp);
    Ok(json!({
        "seconds": times[times.len() / 2],
        "firstSeconds": first_seconds,
        "cpuSeconds": cpu,
        "startMb": start_mb,
        "peakMb": peak_mb,
        "heldMb": held >> 20,
        "runtime": "rust",
        "version": VERSION,
        "rows": last.rows,
        "check": check.answer(),
        "notes": if job["mode"] == "count" { "record counts of the planned files" } else { "Arrow batches" },
    }))
}

/// The batches of a stream are added to `check` as they pass.
async fn run(job: &Value, mut check: Option<&mut Check>) -> Outcome<Scanned> {
    let location = job["metadata"].as_str().ok_or("no metadata file")?;
    let name = TableIdent::from_strs(["bench", "orders"])?;
    let table = StaticTable::from_metadata_file(&format!("file://{location}"), name, FileIO::new_with_fs()).await?;
    let scan = scan_of(&table, job)?;
    let mut scanned = Scanned { rows: 0, batches: vec![] };
    if job["mode"] == "plan" || job["mode"] == "count" {
        let tasks: Vec<_> = scan.plan_files().await?.try_collect().await?;
        if job["mode"] == "plan" {
            return Ok(Scanned { rows: tasks.len(), batches: vec![] });
        }
        for task in tasks {
            scanned.rows += task.record_count.ok_or("a file without a record count")? as usize;
        }
        return Ok(scanned);
    }
    let mut stream = scan.to_arrow().await?;
    while let Some(batch) = stream.try_next().await? {
        scanned.rows += batch.num_rows();
        if job["mode"] == "table" {
            scanned.batches.push(batch);
        } else if let Some(check) = check.as_deref_mut() {
            check.add(&batch);
        }
    }
    Ok(scanned)
}

fn scan_of(table: &StaticTable, job: &Value) -> Outcome<TableScan> {
    let mut builder = table.scan().with_row_selection_enabled(true);
    if let Some(id) = job["snapshotId"].as_str() {
        builder = builder.snapshot_id(id.parse()?);
    }
    if let Some(columns) = job["columns"].as_array() {
        builder = builder.select(columns.iter().filter_map(Value::as_str));
    }
    if job["filter"].is_object() {
        builder = builder.with_filter(filter_of(&job["filter"])?);
    }
    Ok(builder.build()?)
}

fn filter_of(filter: &Value) -> Outcome<Predicate> {
    let column = filter["column"].as_str().ok_or("a filter without a column")?;
    let from = filter["from"].as_i64().ok_or("a filter without a start")?;
    let to = filter["to"].as_i64().ok_or("a filter without an end")?;
    let datum = |value: i64| -> Outcome<Datum> {
        Ok(if column == "id" { Datum::long(value) } else { Datum::date_from_str(day_text(value))? })
    };
    let reference = || Reference::new(column);
    if to == from + 1 {
        return Ok(reference().equal_to(datum(from)?));
    }
    Ok(reference().greater_than_or_equal_to(datum(from)?).and(reference().less_than(datum(to)?)))
}

/// Days since 1970 as a date of the proleptic Gregorian calendar.
fn day_text(day: i64) -> String {
    let mut year = 1970;
    let mut left = day;
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, left + 1)
}

impl Check {
    fn add(&mut self, batch: &RecordBatch) {
        for (at, field) in batch.schema().fields().iter().enumerate() {
            let (sum, bytes) = sum_of(batch.column(at).as_ref());
            let entry = self.columns.entry(field.name().clone()).or_default();
            entry.0 = entry.0.wrapping_add(sum);
            entry.1 = bytes.map(|bytes| entry.1.unwrap_or(0) + bytes).or(entry.1);
        }
    }

    fn answer(&self) -> Value {
        let entry = |(sum, bytes): &(u64, Option<usize>)| match bytes {
            None => json!({ "sum": sum.to_string() }),
            Some(bytes) => json!({ "sum": sum.to_string(), "bytes": bytes }),
        };
        let columns: BTreeMap<&String, Value> = self.columns.iter().map(|(name, sums)| (name, entry(sums))).collect();
        json!({ "rows": self.rows, "columns": columns })
    }
}

fn sum_of(column: &dyn Array) -> (u64, Option<usize>) {
    let total = |words: &mut dyn Iterator<Item = u64>| (words.fold(0_u64, u64::wrapping_add), None);
    match column.data_type() {
        DataType::Int64 => total(&mut column.as_primitive::<Int64Type>().values().iter().map(|v| *v as u64)),
        DataType::Int32 => total(&mut column.as_primitive::<Int32Type>().values().iter().map(|v| *v as i64 as u64)),
        DataType::Date32 => total(&mut column.as_primitive::<Date32Type>().values().iter().map(|v| *v as i64 as u64)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            total(&mut column.as_primitive::<TimestampMicrosecondType>().values().iter().map(|v| *v as u64))
        }
        DataType::Float64 => total(&mut column.as_primitive::<Float64Type>().values().iter().map(|v| v.to_bits())),
        DataType::Decimal128(_, _) => {
            total(&mut column.as_primitive::<Decimal128Type>().values().iter().map(|v| *v as u64))
        }
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            let offsets = texts.value_offsets();
            let (from, to) = (offsets[0] as usize, offsets[texts.len()] as usize);
            let sum = texts.value_data()[from..to].iter().map(|byte| u64::from(*byte)).sum();
            (sum, Some(to - from))
        }
        kind => panic!("no check for {kind}"),
    }
}

fn status_mb(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|text| text.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}

/// Of all threads, user and system.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
