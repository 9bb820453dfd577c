package wire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/bufpool"
	"github.com/tailrace/tailrace/sink/kafka/wire"
	"github.com/tailrace/tailrace/transform"
)

// row is a record as a reader of Kafka sees it.
type row struct {
	Key, Value []byte
	Headers    []transform.Header
}

// add adds rows by Add and, one in four, by Take: a reader must not see the difference.
func add(r *wire.Records, rows ...row) {
	for i, x := range rows {
		if i%4 == 3 && x.Value != nil {
			take(r, x)
		} else {
			r.Add(x.Key, x.Value, x.Headers)
		}
	}
}

// take is Take of a row whose key and headers stand before its value, as an encoder leaves them.
func take(r *wire.Records, x row) {
	b := bufpool.Get(wire.Before + len(x.Key) + len(x.Value))
	b.Bytes = b.Bytes[:wire.Before]
	put := func(text []byte) []byte {
		if text == nil {
			return nil
		}
		start := len(b.Bytes)
		b.Bytes = append(b.Bytes, text...)
		return b.Bytes[start:]
	}
	key, headers := put(x.Key), []transform.Header(nil)
	for _, h := range x.Headers {
		headers = append(headers, transform.Header{Name: h.Name, Value: put(h.Value)})
	}
	at := len(b.Bytes)
	put(x.Value)
	r.Take(b, at, key, headers)
}

// Lengths take one byte more from these sizes on.
func TestTakeAtTheSizesOfVarints(t *testing.T) {
	var r, want wire.Records
	var rows []row
	for _, key := range []int{0, 1, 63, 64, 8191, 8192} {
		for _, value := range []int{0, 1, 62, 63, 64, 127, 128, 8191, 8192, 16383, 16384, 1 << 20, 2 << 20} {
			x := row{Key: bytes.Repeat([]byte("k"), key), Value: bytes.Repeat([]byte("v"), value)}
			if key == 1 {
				x.Key = nil
			}
			rows = append(rows, x, row{Key: x.Key, Value: x.Value, Headers: []transform.Header{{Name: "h", Value: x.Key}}})
		}
	}
	for _, x := range rows {
		take(&r, x)
		want.Add(x.Key, x.Value, x.Headers)
	}
	if r.Size() != want.Size() {
		t.Errorf("%d bytes, want %d", r.Size(), want.Size())
	}
	if !reflect.DeepEqual(encode(t, &r), rows) {
		t.Error("not what was taken")
	}
	w := wire.Request{Client: "test"}
	one, two := joined(w.Encode(1, []wire.Part{part("a", 0, &r)})), joined(w.Encode(1, []wire.Part{part("a", 0, &want)}))
	if !bytes.Equal(one, two) {
		t.Error("records that were taken differ from those that were added")
	}
}

// A large record is sent from where it stands, and given back with the others.
func TestLargeRecordsAreNotCopied(t *testing.T) {
	bufpool.Poison()
	var r wire.Records
	value := bytes.Repeat([]byte("v"), 100_000)
	add(&r, row{Value: []byte("small")}, row{Value: value}, row{Value: []byte("small")}, row{Key: []byte("taken"), Value: value})
	w := wire.Request{Client: "test"}
	pieces := w.Encode(1, []wire.Part{part("a", 0, &r)})
	var large [][]byte
	for _, p := range pieces {
		if len(p) >= len(value) {
			large = append(large, p)
		}
	}
	if len(large) != 2 || len(joined(pieces)) > 2*len(value)+1000 {
		t.Fatalf("%d pieces of %d are large", len(large), len(pieces))
	}
	r.Free()
	for i, p := range large {
		if p[len(p)-2] == 'v' {
			t.Errorf("large record %d is a copy, or was not given back", i)
		}
	}
}

// some makes rows of all kinds: null, empty, small, and larger than any chunk.
func some(r *rand.Rand, n int) []row {
	text := func() []byte {
		switch r.IntN(8) {
		case 0:
			return nil
		case 1:
			return []byte{}
		case 2:
			return bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(5000))
		case 3:
			if r.IntN(20) == 0 {
				return bytes.Repeat([]byte("large"), 20_000)
			}
		}
		return fmt.Appendf(nil, "%d", r.Uint64())
	}
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{Key: text(), Value: text()}
		for range r.IntN(3) {
			rows[i].Headers = append(rows[i].Headers, transform.Header{Name: fmt.Sprintf("h%d", r.IntN(100)), Value: text()})
		}
	}
	return rows
}

// joined is a request as the broker gets it.
func joined(pieces net.Buffers) []byte { return bytes.Join(pieces, nil) }

// read decodes the request that wire has encoded, by another implementation of the protocol.
func read(t *testing.T, b []byte) *kmsg.ProduceRequest {
	t.Helper()
	if n := int(binary.BigEndian.Uint32(b)); n != len(b)-4 {
		t.Fatalf("the request says that it has %d bytes, it has %d", n, len(b)-4)
	}
	const head = 4 + 2 + 2 + 4 // length, key, version, correlation
	if key, v, c := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint32(b[8:]); key != 0 || v != 8 || c != 42 {
		t.Fatalf("request %d of version %d with correlation %d", key, v, c)
	}
	client := int(binary.BigEndian.Uint16(b[head:]))
	if got := string(b[head+2 : head+2+client]); got != "test" {
		t.Fatalf("client %q", got)
	}
	r := kmsg.NewPtrProduceRequest()
	r.SetVersion(8)
	if err := r.ReadFrom(b[head+2+client:]); err != nil {
		t.Fatal(err)
	}
	return r
}

// batch decodes a record batch that is not compressed.
func batch(t *testing.T, b []byte) (kmsg.RecordBatch, []row) {
	t.Helper()
	var k kmsg.RecordBatch
	if err := k.ReadFrom(b); err != nil {
		t.Fatal(err)
	}
	if int(k.Length) != len(b)-12 || k.Magic != 2 || k.PartitionLeaderEpoch != -1 || k.LastOffsetDelta != k.NumRecords-1 {
		t.Fatalf("batch %+v of %d bytes", k, len(b))
	}
	if sum := crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)); uint32(k.CRC) != sum {
		t.Fatalf("checksum %x, not %x", k.CRC, sum)
	}
	var rows []row
	for rest := k.Records; len(rest) > 0; {
		n, head := binary.Varint(rest)
		var r kmsg.Record
		if err := r.ReadFrom(rest[:head+int(n)]); err != nil {
			t.Fatal(err)
		}
		if int(r.OffsetDelta) != len(rows) || r.TimestampDelta64 != 0 || r.Attributes != 0 {
			t.Fatalf("record %d: %+v", len(rows), r)
		}
		x := row{Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			x.Headers = append(x.Headers, transform.Header{Name: h.Key, Value: h.Value})
		}
		rows = append(rows, x)
		rest = rest[head+int(n):]
	}
	if len(rows) != int(k.NumRecords) {
		t.Fatalf("%d records, the batch says %d", len(rows), k.NumRecords)
	}
	return k, rows
}

var at = time.UnixMilli(1_790_000_000_123)

func part(topic string, partition int32, r *wire.Records) wire.Part {
	return wire.Part{Topic: topic, Partition: partition, Batch: wire.Batch{
		ProducerID: 1 << 40, ProducerEpoch: 7, Sequence: 100, Time: at, Records: r,
	}}
}

func encode(t *testing.T, r *wire.Records) []row {
	t.Helper()
	w := wire.Request{Client: "test", Timeout: 10 * time.Second}
	q := read(t, joined(w.Encode(42, []wire.Part{part("a", 0, r)})))
	b := q.Topics[0].Partitions[0].Records
	k, rows := batch(t, b)
	if k.ProducerID != 1<<40 || k.ProducerEpoch != 7 || k.FirstSequence != 100 || k.FirstTimestamp != at.UnixMilli() ||
		k.MaxTimestamp != at.UnixMilli() || k.Attributes != 0 {
		t.Fatalf("batch %+v", k)
	}
	if most := wire.BatchHead + r.Size(); len(b) > most || r.Len() != len(rows) {
		t.Errorf("%d records in %d bytes, should be %d in %d at most", len(rows), len(b), r.Len(), most)
	}
	return rows
}

// What was added is read by others, however it came together: appended, split, in memory that others have had.
func TestRecordsAreReadAsTheyWereAdded(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all wire.Records
		var want []row
		size := 0
		for range 1 + r.IntN(20) {
			var some wire.Records
			rows := someOf(r)
			add(&some, rows...)
			for _, x := range rows {
				size += wire.RecordSize(x.Key, x.Value, x.Headers)
			}
			want = append(want, rows...)
			all.Append(&some)
			if some.Len() != 0 || some.Size() != 0 {
				t.Fatal("records that were taken are there still")
			}
		}
		if all.Size() != size {
			t.Fatalf("seed %d: %d bytes, want %d", seed, all.Size(), size)
		}
		if !reflect.DeepEqual(want, encode(t, &all)) {
			t.Fatalf("seed %d: %d records are not read as they were added", seed, len(want))
		}
		n := r.IntN(len(want) + 1)
		one, two := all.Split(n)
		all.Free()
		if one.Size()+two.Size() != size || one.Len() != n {
			t.Fatalf("seed %d: split of %d bytes at %d into %d and %d", seed, size, n, one.Size(), two.Size())
		}
		if n > 0 && !reflect.DeepEqual(want[:n], encode(t, &one)) {
			t.Fatalf("seed %d: the first %d of %d", seed, n, len(want))
		}
		if n < len(want) && !reflect.DeepEqual(want[n:], encode(t, &two)) {
			t.Fatalf("seed %d: all but the first %d of %d", seed, n, len(want))
		}
		one.Free()
		two.Free()
	}
}

func someOf(r *rand.Rand) []row { return some(r, 1+r.IntN(30)) }

// A request names a topic once, and a second one in the same memory is the same.
func TestRequestsOfManyPartitions(t *testing.T) {
	want := map[wire.Place][]row{}
	records := map[wire.Place]*wire.Records{}
	random := rand.New(rand.NewPCG(1, 2))
	parts := func() (p []wire.Part) {
		for at, r := range records {
			p = append(p, part(at.Topic, at.Partition, r))
		}
		return p
	}
	for _, topic := range []string{"a", "b", "c"} {
		for p := range int32(4) {
			at := wire.Place{Topic: topic, Partition: p}
			want[at], records[at] = someOf(random), &wire.Records{}
			add(records[at], want[at]...)
		}
	}
	w := wire.Request{Client: "test", Timeout: 10 * time.Second}
	for range 3 {
		q := read(t, joined(w.Encode(42, parts())))
		if q.Acks != -1 || q.TimeoutMillis != 10_000 || q.TransactionID != nil || len(q.Topics) != 3 {
			t.Fatalf("request with acks %d, timeout %d, transaction %v, %d topics", q.Acks, q.TimeoutMillis, q.TransactionID, len(q.Topics))
		}
		got := map[wire.Place][]row{}
		for _, topic := range q.Topics {
			for _, p := range topic.Partitions {
				_, got[wire.Place{Topic: topic.Topic, Partition: p.Partition}] = batch(t, p.Records)
			}
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatal("not what was added")
		}
	}
}

// Compressed or not, a repetition is identical: a broker that has the first takes it for that.
func TestRepetitionsAreIdentical(t *testing.T) {
	var r wire.Records
	add(&r, some(rand.New(rand.NewPCG(3, 4)), 500)...)
	for codec := sarama.CompressionNone; codec <= sarama.CompressionZSTD; codec++ {
		w := wire.Request{Client: "test", Codec: codec}
		first := joined(w.Encode(42, []wire.Part{part("a", 0, &r)}))
		again := joined(w.Encode(42, []wire.Part{part("a", 0, &r)}))
		if !bytes.Equal(first, again) {
			t.Errorf("%s: the repetition differs", codec)
		}
		var k kmsg.RecordBatch
		if err := k.ReadFrom(read(t, again).Topics[0].Partitions[0].Records); err != nil || sarama.CompressionCodec(k.Attributes) != codec {
			t.Errorf("%s: attributes %d, %v", codec, k.Attributes, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(8)
	topic := kmsg.NewProduceResponseTopic()
	topic.Topic = "a"
	why := "no such record"
	for i := range int32(3) {
		p := kmsg.NewProduceResponseTopicPartition()
		p.Partition = i
		if i == 1 {
			p.ErrorCode, p.ErrorMessage = int16(sarama.ErrInvalidRecord), &why
		}
		topic.Partitions = append(topic.Partitions, p)
	}
	r.Topics = append(r.Topics, topic)
	b := r.AppendTo([]byte{0, 0, 0, 9})
	got, err := wire.Decode(b, 9)
	if err != nil {
		t.Fatal(err)
	}
	want := map[wire.Place]wire.Answer{{Topic: "a"}: {}, {Topic: "a", Partition: 1}: {Err: sarama.ErrInvalidRecord, Message: why}, {Topic: "a", Partition: 2}: {}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := wire.Decode(b, 8); err == nil {
		t.Error("the answer to another request was taken")
	}
	for n := range len(b) {
		if _, err := wire.Decode(b[:n], 9); err == nil {
			t.Errorf("the first %d of %d bytes were taken for an answer", n, len(b))
		}
	}
}
