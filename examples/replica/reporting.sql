-- What the reporting service adds to its database: views and indexes over the tables that tailrace keeps. Run it when the
-- first copy has finished (`tailrace wait -pipeline shop`, `-pipeline billing`). Its own tables belong in other schemas.

CREATE SCHEMA IF NOT EXISTS reports;

CREATE INDEX IF NOT EXISTS orders_placed_at ON shop.orders (placed_at);

CREATE OR REPLACE VIEW reports.revenue_by_day AS
SELECT o.placed_at::date AS day, count(*) AS orders, sum(o.total) AS total
FROM shop.orders o
WHERE o.status = 'paid'
GROUP BY 1;

-- A join across two services: each schema is exact at a commit of its source, and the two may differ in time by their lags.
CREATE OR REPLACE VIEW reports.unbilled AS
SELECT o.id, o.customer_id, o.total
FROM shop.orders o
WHERE o.status = 'paid' AND NOT EXISTS (SELECT FROM billing.invoices i WHERE i.order_id = o.id);
