-- An order with its lines, in a transaction that has a user and a trace. It also posts an event, and sends a message.
BEGIN;
SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user":"ada","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tracestate":"shop=1"}');
INSERT INTO orders VALUES (3, 7, 'acme', 'open', 30, 'EU', NULL, 'secret note');
INSERT INTO order_lines VALUES (11, 3, 'tea', 2), (12, 3, 'cup', 1), (13, 3, 'mistake', 9);
DELETE FROM order_lines WHERE id = 13;
UPDATE order_lines SET qty = 3 WHERE id = 12;
INSERT INTO outbox VALUES ('00000000-0000-0000-0000-000000000002', 'order', '3', 'OrderConfirmed', '{"total": 30.00,  "id": 3}', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
DELETE FROM outbox WHERE id = '00000000-0000-0000-0000-000000000002';
SELECT pg_logical_emit_message(true, 'shop.cart', '{"cart":  7}');
COMMIT;
-- An order of another region, and one that is rolled back.
BEGIN; INSERT INTO orders VALUES (4, 8, 'acme', 'open', 40, 'US', NULL, NULL); INSERT INTO order_lines VALUES (14, 4, 'pot', 1); COMMIT;
BEGIN; INSERT INTO orders VALUES (5, 8, 'acme', 'open', 50, 'EU', NULL, NULL); SELECT pg_logical_emit_message(true, 'shop.cart', 'wrong'); ROLLBACK;
-- Orders are paid, one by ada and one by nobody, and then updated.
BEGIN; SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user":"ada"}'); UPDATE orders SET status = 'paid' WHERE id = 3; COMMIT;
UPDATE orders SET status = 'paid' WHERE id IN (1, 2);
UPDATE orders SET updated_at = '2026-02-03 04:05:06+00', internal_note = 'another secret note';
UPDATE orders SET total = total + 1;
UPDATE outbox SET trace = 'ignored';
DELETE FROM order_lines WHERE id = 10;
-- A tombstone, and what is masked.
INSERT INTO outbox VALUES ('00000000-0000-0000-0000-000000000003', 'order', '3', 'OrderForgotten', NULL, 'no trace');
INSERT INTO customers VALUES (8, 'ben@example.com', 'Ben Secret', '0044987654', 'GB');
UPDATE customers SET phone = '0033555555' WHERE id = 7;
INSERT INTO schema_migrations VALUES (1);
INSERT INTO tenant_a.invoices VALUES (2, 20.5);
DELETE FROM tenant_a.invoices WHERE id = 1;
-- The daemon is killed here.
INSERT INTO outbox VALUES ('00000000-0000-0000-0000-000000000004', 'order', '1', 'OrderShipped', '{"id":1}', NULL);
DELETE FROM orders WHERE id = 1;
INSERT INTO orders VALUES (6, 8, 'acme', 'open', 60, 'EU', NULL, NULL);
