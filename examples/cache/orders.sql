CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL);
ALTER TABLE orders REPLICA IDENTITY FULL; -- customer_id of the old row is part of a key
CREATE TABLE products (sku text PRIMARY KEY, title varchar(200) NOT NULL, price numeric(12, 2) NOT NULL);
ALTER TABLE products REPLICA IDENTITY FULL; -- title could be stored out of line, and then an update would not carry it
