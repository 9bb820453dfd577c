package jsonvalue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

const types = `
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'very "happy"');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN instants AS timestamptz[];
CREATE TYPE address AS (no positive, "the ""street""" text, tags text[], at timestamp);
CREATE TYPE person AS (name text, home address, homes address[], doc json, attributes hstore, moods mood[]);
CREATE DOMAIN anyone AS person;
CREATE TABLE shrunk (a int, b text, c int[]);
ALTER TABLE shrunk DROP COLUMN b;`

// settings are those of all connections of tailrace; see the package comment.
const settings = `SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET bytea_output = 'hex';
SET extra_float_digits = 3;`

// asPostgres are values whose JSON has the same structure and content as that of Postgres' to_json, with numeric as a number.
var asPostgres = []string{
	`true`, `false`, `(-32768)::int2`, `2147483647`, `(-9223372036854775808)::int8`,
	`0.1::float4`, `1e20::float8`, `-1.5e-300::float8`, `'NaN'::float8`, `'-Infinity'::float4`, `'-0'::float8`, `123456789.123::float8`,
	`1234567890123456789012345678901234567890.10`, `-0.000000000001`, `'NaN'::numeric`, `'Infinity'::numeric`, `1e300::numeric`,
	`'plain'::text`, `''::text`, `E'a"b\\c\n\t\r\b\f\x01\x1f/é世🚀'::text`, `'x'::varchar(3)`, `'x'::char(3)`, `'x'::"char"`, `'name'::name`,
	`'2026-11-23'::date`, `'infinity'::date`, `'2026-11-23 10:00:00'::timestamp`, `'2026-11-23 10:00:00.12'::timestamp`,
	`'0001-01-01 00:00:00.000001'::timestamp`, `'9999-12-31 23:59:59.999999'::timestamp`, `'-infinity'::timestamp`,
	`'infinity'::timestamptz`, `'10:00:00.5'::time`, `'10:00:00.5+02'::timetz`, `'24:00:00'::time`,
	`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid`, `'10.0.0.1/8'::inet`, `'10.0.0.0/8'::cidr`, `'08:00:2b:01:02:03'::macaddr`,
	`'[1,3)'::int4range`, `'["2026-11-23 10:00+00",)'::tstzrange`, `'{[1,3),[5,7)}'::int4multirange`, `'empty'::numrange`,
	`B'0101'`, `'(1,2)'::point`, `'((0,0),(1,1))'::box`, `'a & b'::tsquery`, `'a:1 b:2'::tsvector`, `'<a>"b"</a>'::xml`, `'0/16B3748'::pg_lsn`,
	`'very "happy"'::mood`, `7::positive`, `'pg_class'::regclass`, `'$.a[*]'::jsonpath`, `'$1,234.56'::money`,
	`E'{"a":\n[1.0, 1e5, "x\\ny\\u00e9"],\r\n\t"b" : { } }'::json`, `'{"b": 1.10, "a": [null, true, "\\\\"]}'::jsonb`, `'null'::json`, `'"x"'::jsonb`,
	`'{}'::int[]`, `'{1,NULL,-3}'::int[]`, `'{{1,2},{3,4}}'::int[]`, `'[2:4]={1,2,3}'::int[]`, `'[-1:0][5:5]={{1},{2}}'::int[]`,
	`ARRAY[[[1],[2]],[[3],[4]]]`, `ARRAY['a', '', NULL, 'NULL', 'null', 'a b', 'q"\', '{},', E'\t\n', ' x']`, `ARRAY[true, false, NULL]`,
	`ARRAY[1.10, 'NaN'::numeric, NULL]`, `ARRAY['2026-11-23 10:00:00'::timestamp, 'infinity']`, `ARRAY['{"a": "\\"}'::json, '[1, 2]', NULL]`,
	`ARRAY['(1,1),(0,0)'::box, '(2,2),(1,1)']`, `ARRAY['very "happy"'::mood, 'sad']`, `ARRAY[7::positive]`, `ARRAY['x'::name, 'a"b']`,
	`'1 2 3'::text`, `ARRAY['a=>1, b=>NULL'::hstore, '']`, `'"a b"=>"q\"\\", c=>NULL, ""=>"=>,"'::hstore`, `''::hstore`,
	`ARRAY['[1,3)'::int4range, 'empty']`,
	`ROW(7, 'a "b" \ (c, d)', ARRAY['x', 'y "z"', NULL, ''], '2026-11-23 10:00:00')::address`, `ROW(NULL, '', '{}', NULL)::address`,
	`ROW(NULL, NULL, NULL, NULL)::address`, `ARRAY[ROW(1, E'q"\\', '{"a b"}', NULL)::address, NULL, ROW(NULL, NULL, NULL, NULL)::address]`,
	`ROW('n "m"', ROW(7, '"s" \ ', ARRAY['"', '\', ','], NULL), ARRAY[ROW(1, '(,)', '{"\"\\"}', NULL)::address], '{"a": ["\\", "\""]}',
	'"k\"\\"=>"v,"', '{sad,"very \"happy\""}')::person`,
	`ROW('x', NULL, '{}', 'null', '', NULL)::anyone`,
	`ARRAY[ROW('x', ROW(1, 'y', '{{a,b},{c,d}}', NULL), NULL, '{}', 'a=>b', NULL)::person]`,
	`ROW(1, ARRAY[2, 3])::shrunk`, `ROW(NULL, NULL)::shrunk`,
}

// asWritten are values whose JSON differs from to_json, as specified in config-language.
var asWritten = map[string]string{
	`4294967295::oid`: `4294967295`,
	`1234567890123456789012345678901234567890.10`:  `"1234567890123456789012345678901234567890.10"`,
	`ARRAY[1.10, 'NaN'::numeric, NULL]`:            `["1.10","NaN",null]`,
	`'2026-11-23 12:00:00.123456+02'::timestamptz`: `"2026-11-23T10:00:00.123456Z"`,
	`'2026-11-23 12:00:00+02'::timestamptz`:        `"2026-11-23T10:00:00Z"`,
	`'0044-03-15 12:00:00+00 BC'::timestamptz`:     `"0044-03-15 12:00:00+00 BC"`,
	`'12026-11-23 12:00:00.5+00'::timestamptz`:     `"12026-11-23 12:00:00.5+00"`,
	`'0044-03-15 12:00:00 BC'::timestamp`:          `"0044-03-15 12:00:00 BC"`,
	`'0044-03-15 BC'::date`:                        `"0044-03-15 BC"`,
	`ARRAY['2026-11-23 12:00+02', NULL]::instants`: `["2026-11-23T10:00:00Z",null]`,
	`'\x'::bytea`:                                       `""`,
	`'\x00ff7f'::bytea`:                                 `"AP9/"`,
	`ARRAY['\x00ff'::bytea, NULL]`:                      `["AP8=",null]`,
	`ARRAY['-1 mons 3 days'::interval, '4 hours']`:      `["P-1M3D","PT4H"]`,
	`'1 2 3'::int2vector`:                               `"1 2 3"`,
	`E'{"a":\n[1.0, 1e400]}'::json`:                     `{"a": [1.0, 1e400]}`,
	`'{"b": 12345678901234567890.10, "a": "x"}'::jsonb`: `{"a": "x", "b": 12345678901234567890.10}`,
	`ROW(1, 2, 3)`:                                      `"(1,2,3)"`,
}

// intervals have the JSON that IntervalStyle iso_8601 prints.
var intervals = []string{
	`1 year 2 mons 3 days 04:05:06.789`, `-1 years -2 mons +3 days -04:05:06`, `1 mon -1 day`, `0`, `-0.5 s`, `0.000001 s`,
	`2562047788:00:54.775807`, `-178000000 years`, `1 year 4 h`, `1 day 10 min`, `1 day -10.25 s`, `30 s`, `100 h 0.10 s`,
}

func TestPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			t.Parallel()
			db := open(t, testenv.Postgres(t, testenv.Version(version)))
			strings, numbers := jsonvalue.New(false), jsonvalue.New(true)
			for _, value := range asPostgres {
				text, typ := db.value(value)
				got := numbers.Appender(typ)(nil, text)
				want := db.query("SELECT to_json(" + value + ")")[0]
				if d := cmp.Diff(decoded(t, want), decoded(t, got)); d != "" || bytes.ContainsAny(got, "\r\n") {
					t.Errorf("%s, as %s:\n got %s\nwant %s", value, typ, got, want)
				}
			}
			for value, want := range asWritten {
				text, typ := db.value(value)
				if got := string(strings.Appender(typ)(nil, text)); got != want {
					t.Errorf("%s, as %s:\n got %s\nwant %s", value, typ, got, want)
				}
			}
			for _, value := range intervals {
				text, typ := db.value("'" + value + "'::interval")
				db.query("SET intervalstyle = 'iso_8601'")
				want := strconv.Quote(string(db.query("SELECT '" + value + "'::interval")[0]))
				db.query("SET intervalstyle = 'postgres'")
				if got := string(strings.Appender(typ)(nil, text)); got != want {
					t.Errorf("%s: got %s, want %s", text, got, want)
				}
			}
		})
	}
}

// decoded decodes JSON and keeps the digits of numbers.
func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// database reads values as text, as they are in a replication stream.
type database struct {
	t    *testing.T
	conn *pgconn.PgConn
}

func open(t *testing.T, s *testenv.PostgresServer) *database {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	db := &database{t, conn}
	db.query(types)
	db.query(settings)
	return db
}

// query returns the values of all rows of the last statement in sequence, nil for null.
func (d *database) query(sql string) [][]byte {
	d.t.Helper()
	results, err := d.conn.Exec(d.t.Context(), sql).ReadAll()
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	var out [][]byte
	for _, row := range results[len(results)-1].Rows {
		out = append(out, row...)
	}
	return out
}

// value returns the text of an expression, and its type.
func (d *database) value(expression string) ([]byte, *capture.Type) {
	d.t.Helper()
	row := d.query("SELECT v, pg_typeof(v)::oid FROM (SELECT " + expression + ") AS x(v)")
	return row[0], d.typ(string(row[1]))
}

// kinds are the kinds of types, as a source reads them from the catalog.
var kinds = map[string]capture.TypeKind{
	"bool": capture.KindBool, "int2": capture.KindInt, "int4": capture.KindInt, "int8": capture.KindInt, "oid": capture.KindInt,
	"float4": capture.KindFloat, "float8": capture.KindFloat, "numeric": capture.KindNumeric, "money": capture.KindMoney,
	"bytea": capture.KindBytes, "json": capture.KindJSON, "jsonb": capture.KindJSON, "date": capture.KindDate,
	"timestamp": capture.KindTimestamp, "timestamptz": capture.KindTimestampTZ, "interval": capture.KindInterval,
	"hstore": capture.KindHstore,
}

// typ reads a type from the catalog, with the types that it consists of.
func (d *database) typ(oid string) *capture.Type {
	d.t.Helper()
	row := d.query(`SELECT t.typname, t.typtype, t.typbasetype, t.typelem, e.typdelim, t.typcategory
		FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid = ` + oid)
	typ := &capture.Type{Name: string(row[0]), Kind: kinds[string(row[0])]}
	switch {
	case string(row[1]) == "d":
		*typ = *d.typ(string(row[2]))
	case string(row[1]) == "c":
		typ.Kind = capture.KindComposite
		fields := d.query(`SELECT attname, atttypid FROM pg_attribute JOIN pg_type t ON attrelid = typrelid
			WHERE t.oid = ` + oid + ` AND attnum > 0 AND NOT attisdropped ORDER BY attnum`)
		for i := 0; i < len(fields); i += 2 {
			typ.Fields = append(typ.Fields, capture.Field{Name: string(fields[i]), Type: d.typ(string(fields[i+1]))})
		}
	case string(row[5]) == "A":
		typ.Kind, typ.Elem, typ.Delim = capture.KindArray, d.typ(string(row[3])), row[4][0]
	}
	return typ
}
