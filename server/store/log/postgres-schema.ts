/** What only a PostgreSQL store needs: to know what was committed, and to be written for long without growing slow. */

import { commitsTable } from '../engine/postgres-commits.ts'

/**
 * `merge_histograms` as rollup-histograms.ts has it, but five times as fast for what mostly comes, a few counts more in
 * buckets that are there: a batch of a hundred requests merges some four hundred. All else is added up anew.
 */
const mergeFewCounts = `
  CREATE OR REPLACE FUNCTION merge_histograms(a TEXT, b TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
      entry TEXT;
      bucket TEXT;
      place INT;
      old TEXT;
      total BIGINT;
      merged TEXT := ',' || a || ',';
      known BOOLEAN := length(b) < 100;
    BEGIN
      IF a = '' THEN RETURN b; END IF;
      IF b = '' THEN RETURN a; END IF;
      IF known THEN
        FOREACH entry IN ARRAY string_to_array(b, ',') LOOP
          bucket := ',' || split_part(entry, ':', 1) || ':';
          place := strpos(merged, bucket);
          known := place > 0;
          EXIT WHEN NOT known;
          place := place + length(bucket);
          old := split_part(substr(merged, place, 20), ',', 1);
          total := CAST(old AS BIGINT) + CAST(split_part(entry, ':', 2) AS BIGINT);
          known := total <> 0;
          EXIT WHEN NOT known;
          merged := overlay(merged PLACING CAST(total AS TEXT) FROM place FOR length(old));
        END LOOP;
      END IF;
      IF known THEN RETURN substr(merged, 2, length(merged) - 2); END IF;
      RETURN coalesce((
        SELECT string_agg(counts.bucket || ':' || counts.sum, ',' ORDER BY counts.bucket) FROM (
          SELECT CAST(split_part(each, ':', 1) AS INT) AS bucket, sum(CAST(split_part(each, ':', 2) AS BIGINT)) AS sum
          FROM unnest(string_to_array(a || ',' || b, ',')) AS each GROUP BY 1
        ) AS counts WHERE counts.sum <> 0
      ), '');
    END
  $$`

/** Sums are written again and again: with some room in its page, a new version of a row needs no entry in an index. */
const upserted = ['rollups', 'spend_days', 'spend_months', 'spend_totals']
const roomToUpdate = 'fillfactor = 90'

/**
 * Each request has been a row that ran, which stays in its table and in twenty indexes until it is vacuumed. By the server's
 * own measure that is when they are a fifth of all: hours of work at once, for millions.
 */
const vacuumedSooner =
  'autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02'

export const postgresSchema: readonly { sqlite: null; postgres: string }[] = [
  commitsTable,
  mergeFewCounts,
  ...upserted.map((table) => `ALTER TABLE ${table} SET (${roomToUpdate}, ${vacuumedSooner})`),
  ...['requests', 'search'].map((table) => `ALTER TABLE ${table} SET (${vacuumedSooner})`),
].map((postgres) => ({ sqlite: null, postgres }))
