-- The outbox of a service. Publishing is an INSERT in the transaction that changes the data; deleting the row in the same transaction
-- keeps the table empty, and does not take the event back.

CREATE TABLE public.outbox (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  aggregate_type text NOT NULL,
  aggregate_id   text,
  type           text NOT NULL,
  payload        json, -- keeps the text as it was written; jsonb has a form of its own, and text and bytea take anything
  trace          text
);

-- The transaction of the application:
--
--   BEGIN;
--   UPDATE orders SET status = 'paid' WHERE id = 42;
--   INSERT INTO outbox (id, aggregate_type, aggregate_id, type, payload)
--   VALUES ('6b1e0d1e-8a4e-4f7e-9d53-0c9d1c2b7a10', 'order', '42', 'OrderPaid', '{"order": 42, "total": "19.90"}');
--   DELETE FROM outbox WHERE id = '6b1e0d1e-8a4e-4f7e-9d53-0c9d1c2b7a10';
--   COMMIT;
--
-- Without a table at all:
--
--   SELECT pg_logical_emit_message(true, 'shop.cart-abandoned', '{"cart": 7}');
