CREATE TABLE public.orders (
  id bigint PRIMARY KEY, customer_id bigint NOT NULL, tenant_id text NOT NULL, status text NOT NULL, total numeric(12,2) NOT NULL,
  region text NOT NULL, updated_at timestamptz, internal_note text
);
CREATE UNIQUE INDEX orders_identity ON public.orders (id, status, region);
ALTER TABLE public.orders REPLICA IDENTITY USING INDEX orders_identity;
CREATE TABLE public.order_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL, sku text NOT NULL, qty int NOT NULL);
CREATE TABLE public.outbox (
  id uuid PRIMARY KEY, aggregate_type text NOT NULL, aggregate_id text, type text NOT NULL, payload json, trace text
);
CREATE TABLE public.customers (id bigint PRIMARY KEY, email text NOT NULL, "Full Name" text, phone text, country text);
CREATE TABLE public.schema_migrations (version bigint PRIMARY KEY);
CREATE TABLE public.schema_notes (id int PRIMARY KEY);
CREATE SCHEMA tenant_a;
CREATE TABLE tenant_a.invoices (id bigint PRIMARY KEY, total numeric(12,2) NOT NULL);

INSERT INTO orders VALUES (1, 7, 'acme', 'open', 10, 'EU', '2026-01-02 03:04:05+00', 'secret note'), (2, 8, 'acme', 'open', 20, 'US', NULL, NULL);
INSERT INTO order_lines VALUES (10, 1, 'tea', 1);
INSERT INTO outbox VALUES ('00000000-0000-0000-0000-000000000001', 'order', '1', 'Migrated', '{"id":  1}', NULL);
INSERT INTO customers VALUES (7, 'anna@example.com', 'Anna Secret', '0049123456', 'DE');
INSERT INTO tenant_a.invoices VALUES (1, 10);
