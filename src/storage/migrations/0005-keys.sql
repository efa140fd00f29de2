-- Rewrites both tables, once, and needs room for a second copy of them.

-- A message that waits for a slow endpoint's turn is claimed and given back more often than a smallint counts.
ALTER TABLE delivery_events ALTER attempt TYPE int;
ALTER TABLE deliveries
  ALTER attempt TYPE int,
  -- While a table has no statistics, any index that begins with the announcement looks as good as the key, and would be read
  -- for the whole announcement. This one begins otherwise.
  DROP CONSTRAINT deliveries_announcement_id_channel_address_key_key,
  ADD UNIQUE (channel, announcement_id, address_key);
