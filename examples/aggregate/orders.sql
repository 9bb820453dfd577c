-- The tables of orders.hcl.

CREATE TABLE orders (
  id       bigint PRIMARY KEY,
  customer text NOT NULL,
  total    numeric(10, 2) NOT NULL
);

CREATE TABLE order_lines (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders,
  position int NOT NULL,
  sku      text NOT NULL,
  qty      int NOT NULL
);
