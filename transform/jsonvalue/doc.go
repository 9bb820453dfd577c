// Package jsonvalue converts column values to JSON. A value is the text that Postgres has printed; its type determines the JSON:
//
//	int2 int4 int8 oid      42
//	float4 float8           1.5, 1e+20; "NaN", "Infinity", "-Infinity"
//	numeric                 "0.10" with all digits; 0.10 if numbers are requested, but "NaN" and infinities remain strings
//	money                   "$1,234.56", as printed under lc_monetary: the number cannot be determined without the locale
//	bool                    true, false
//	bytea                   base64, the standard alphabet with padding
//	json jsonb              embedded unchanged, including digits, spaces and the order of keys; a line break between
//	                        tokens becomes a space
//	date                    "2026-11-23"
//	timestamp               "2026-11-23T10:00:00.5", as many fraction digits as Postgres prints
//	timestamptz             "2026-11-23T10:00:00.5Z"
//	interval                "P1Y2M3DT4H5M6.789S", as Postgres prints it with IntervalStyle iso_8601, including signs
//	arrays                  [1,null,[2]], nested if they have several dimensions; lower bounds are left out
//	composites              {"street":"...","zip":null}
//	hstore                  {"a":"1","b":null}
//	everything else         a string with Postgres' text: text, uuid, inet, time, ranges, enums, ...
//
// A domain is converted like its base type. RFC 3339 cannot represent dates and timestamps that are BC, after the year 9999 or
// infinite: they keep Postgres' text ("0044-03-15 00:00:00 BC", "infinity"), which Postgres can read back.
//
// The text has to be printed with these settings: DateStyle ISO, IntervalStyle postgres, TimeZone UTC, bytea_output hex,
// extra_float_digits 1 or more. Text that does not match the syntax of its type becomes a JSON string with that text, so the
// output is always valid JSON. Bytes that are not UTF-8, which occur only in SQL_ASCII databases, become U+FFFD.
package jsonvalue
