-- What the application does in events.txt.

INSERT INTO orders (id, customer_id, total) VALUES (41, 7, 1250.00), (42, 7, 19.90);
INSERT INTO orders (id, customer_id, total, test) VALUES (43, 7, 1, true);
INSERT INTO order_lines VALUES (42, 1, 'tea');
UPDATE orders SET status = 'paid' WHERE id = 41;
UPDATE orders SET total = 1250.00 WHERE id = 41;
UPDATE orders SET status = 'cancelled' WHERE id IN (41, 42);
UPDATE orders SET status = 'paid' WHERE id = 43;
UPDATE customers SET name = 'Anna B.' WHERE id = 7;
DELETE FROM order_lines;
DELETE FROM orders WHERE id = 42;
