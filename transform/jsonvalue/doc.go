// Package jsonvalue says how a column's value looks in JSON. A value travels as the text that Postgres printed; here its
// type decides what becomes of that text.
//
//	int2 int4 int8 oid      42
//	float4 float8           1.5, 1e+20; "NaN", "Infinity", "-Infinity"
//	numeric                 "0.10" with all digits; 0.10 where numbers are asked for, "NaN" and infinities stay strings
//	money                   "$1,234.56", as lc_monetary prints it: its number cannot be known without the locale
//	bool                    true, false
//	bytea                   base64, the standard alphabet with padding
//	json jsonb              embedded as it stands, digits, spaces and order of the keys; a line break between tokens
//	                        becomes a space
//	date                    "2026-11-23"
//	timestamp               "2026-11-23T10:00:00.5", as many fraction digits as Postgres prints
//	timestamptz             "2026-11-23T10:00:00.5Z"
//	interval                "P1Y2M3DT4H5M6.789S", as Postgres' own IntervalStyle iso_8601 prints it; signs as there
//	arrays                  [1,null,[2]]: nested where they have dimensions; lower bounds are left out
//	composites              {"street":"...","zip":null}
//	hstore                  {"a":"1","b":null}
//	everything else         a string of Postgres' text: text, uuid, inet, time, ranges, enums, ...
//
// A domain is its base type. Dates and timestamps before Christ, after the year 9999 and infinite have no form in RFC
// 3339: they stay Postgres' text ("0044-03-15 00:00:00 BC", "infinity"), which Postgres reads back.
//
// The text is expected as these settings print it: DateStyle ISO, IntervalStyle postgres, TimeZone UTC, bytea_output
// hex, extra_float_digits 1 or more. Text that does not read as its type says becomes a JSON string of that text, so what
// comes out is always valid JSON. Bytes that are not UTF-8, which only SQL_ASCII databases hold, become U+FFFD.
package jsonvalue
