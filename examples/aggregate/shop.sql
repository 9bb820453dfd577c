-- The tables of orders.hcl, and a transaction that becomes one event.

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

BEGIN;
SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user":"checkout"}');
INSERT INTO orders VALUES (42, 'ada', 0);
INSERT INTO order_lines (order_id, position, sku, qty) VALUES (42, 2, 'ink', 3), (42, 1, 'pen', 1);
UPDATE orders SET total = 30.50 WHERE id = 42;
COMMIT;
