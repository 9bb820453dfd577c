-- The tables of orders.hcl. With the full old row in the log, rules can compare it with the new one.

CREATE TABLE customers (
  id    int PRIMARY KEY,
  name  text NOT NULL,
  email text
);

CREATE TABLE orders (
  id          int PRIMARY KEY,
  customer_id int NOT NULL REFERENCES customers,
  status      text NOT NULL DEFAULT 'open',
  total       numeric(12, 2) NOT NULL,
  test        boolean NOT NULL DEFAULT false
);

CREATE TABLE order_lines (
  order_id int REFERENCES orders,
  no       int,
  sku      text NOT NULL,
  PRIMARY KEY (order_id, no)
);

ALTER TABLE customers REPLICA IDENTITY FULL;
ALTER TABLE orders REPLICA IDENTITY FULL;
