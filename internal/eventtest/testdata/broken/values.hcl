table "public.all" {
  key = ["id"]
  columns = {
    id     = "int2"
    big    = "int8"
    flag   = "bool"
    amount = "numeric(5,2)"
    ratio  = "float8"
    at     = "timestamptz"
    day    = "date"
    raw    = "bytea"
    doc    = "jsonb"
    tags   = "text[]"
    code   = "varchar(3)"
    note   = "text"
    mood   = "mood"
  }
}

type "mood" {
  labels = ["happy", "sad"]
}

case "values" {
  transaction {
    insert "public.all" {
      row = {
        id     = /* ERROR "the number 40000 cannot be a value of type int2" */ 40000
        big    = /* ERROR "1.5 cannot be a value" */ 1.5
        flag   = /* ERROR "\"yes\" cannot be a value of type bool: Write true or false" */ "yes"
        amount = /* ERROR "keeps 2 digits" */ 1.125
        ratio  = /* ERROR "true cannot be a value" */ true
        at     = /* ERROR "\"yesterday\" cannot be a value of type timestamptz" */ "yesterday"
        day    = /* ERROR "\"1.2.2026\" cannot be a value of type date" */ "1.2.2026"
        raw    = /* ERROR "Write the bytes in hex" */ "abc"
        doc    = /* ERROR "text of the document" */ "{"
        tags   = /* ERROR "\"a\" cannot be a value of type _text" */ "a"
        code   = /* ERROR "keeps 3 characters" */ "four"
        note   = /* ERROR "the number 5 cannot be a value of type text" */ 5
        mood   = /* ERROR "Its labels are" */ "angry"
        /* ERROR "has no column \"nota\": Did you mean \"note\"" */ nota = 1
      }
    }
  }
}
