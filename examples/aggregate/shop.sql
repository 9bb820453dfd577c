-- What the application does in events.txt: one order in one transaction, which the total is written into last; two orders in
-- another one, of which the second is given up; and a line that is added later, which is no order that is placed.

BEGIN;
INSERT INTO orders VALUES (41, 'ada', 0);
INSERT INTO order_lines (order_id, position, sku, qty) VALUES (41, 2, 'ink', 2), (41, 1, 'pen', 1), (41, 3, 'nib', 9);
UPDATE order_lines SET qty = 3 WHERE order_id = 41 AND sku = 'ink';
DELETE FROM order_lines WHERE order_id = 41 AND sku = 'nib';
UPDATE orders SET total = 30.50 WHERE id = 41;
SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user": "checkout"}');
COMMIT;

BEGIN;
INSERT INTO orders VALUES (42, 'eve', 5), (43, 'bob', 7);
INSERT INTO order_lines (order_id, position, sku, qty) VALUES (42, 1, 'cap', 1), (43, 1, 'hat', 1);
DELETE FROM order_lines WHERE order_id = 43;
DELETE FROM orders WHERE id = 43;
COMMIT;

INSERT INTO order_lines (order_id, position, sku, qty) VALUES (42, 2, 'pin', 1);
