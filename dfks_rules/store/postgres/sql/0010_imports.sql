-- min-release: 0.1.0
-- Imports: how far each is, its file while it is not over, and what was refused.

CREATE TABLE dfks.import_job (
    id       text COLLATE "C" PRIMARY KEY,
    owner    bigint NOT NULL,           -- the life of the node that does its rows
    begun_at double precision NOT NULL, -- s since 1970
    status   text NOT NULL,             -- `receiving`: its file is not whole yet
    ended_at double precision,
    said     text NOT NULL              -- the rest, as JSON
) WITH (fillfactor = 50);
CREATE TABLE dfks.import_piece (
    job    text COLLATE "C" NOT NULL,
    number int NOT NULL,                -- the first is 0
    data   bytea NOT NULL,
    PRIMARY KEY (job, number)
);
CREATE TABLE dfks.import_refusal (
    job  text COLLATE "C" NOT NULL,
    row  bigint NOT NULL,
    part int NOT NULL,
    said text NOT NULL,                 -- the rest, as JSON
    PRIMARY KEY (job, row, part)
);

-- Begins to receive a file; false: as many imports as may be unfinished are.
CREATE FUNCTION dfks.import_begin_1(
    me bigint, its_id text, its_begun_at double precision, its_said text, most int
) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF (SELECT count(*) FROM dfks.import_job WHERE ended_at IS NULL) >= most THEN
        RETURN false;
    END IF;
    INSERT INTO dfks.import_job VALUES (its_id, me, its_begun_at, 'receiving', NULL, its_said);
    RETURN true;
END
$$;

-- A piece of the file of mine.
CREATE FUNCTION dfks.import_put_1(its_id text, its_number int, its_data bytea) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO dfks.import_piece
    SELECT its_id, its_number, its_data FROM dfks.import_job j WHERE j.id = its_id;
$$;

CREATE FUNCTION dfks.import_get_1(its_id text, its_number int) RETURNS TABLE (data bytea)
LANGUAGE sql STABLE AS $$
    SELECT p.data FROM dfks.import_piece p WHERE p.job = its_id AND p.number = its_number;
$$;

-- Forgets an import with all that is its.
CREATE FUNCTION dfks.import_remove_1(ids text[]) RETURNS void
LANGUAGE sql SET lock_timeout = '1500ms' AS $$
    DELETE FROM dfks.import_piece WHERE job = ANY (ids);
    DELETE FROM dfks.import_refusal WHERE job = ANY (ids);
    DELETE FROM dfks.import_job WHERE id = ANY (ids);
$$;

-- Writes how far imports of mine are; gives those that are not mine any more, or that another node
-- has ended. NULL: I was buried.
CREATE FUNCTION dfks.import_note_1(
    me bigint, ids text[], statuses text[], ended double precision[], saids text[],
    r_job text[], r_row bigint[], r_part int[], r_said text[]
) RETURNS text[] LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE dfks.import_job j
    SET said = n.said, ended_at = coalesce(j.ended_at, n.ended),
        status = CASE WHEN j.ended_at IS NULL THEN n.status ELSE j.status END
    FROM unnest(ids, statuses, ended, saids) AS n (id, status, ended, said)
    WHERE j.id = n.id AND j.owner = me;
    INSERT INTO dfks.import_refusal
    SELECT n.job, n.row, n.part, n.said FROM unnest(r_job, r_row, r_part, r_said) AS n (job, row, part, said)
    JOIN dfks.import_job j ON j.id = n.job AND j.owner = me
    ON CONFLICT (job, row, part) DO UPDATE SET said = excluded.said;
    DELETE FROM dfks.import_piece p USING dfks.import_job j
    WHERE p.job = ANY (ids) AND j.id = p.job AND j.owner = me AND j.ended_at IS NOT NULL;
    RETURN (
        SELECT coalesce(array_agg(n.id), '{}')
        FROM unnest(ids, ended) AS n (id, ended)
        LEFT JOIN dfks.import_job j ON j.id = n.id AND j.owner = me
        WHERE j.id IS NULL OR n.ended IS NULL AND j.ended_at IS NOT NULL);
END
$$;

-- All imports whose file is whole, the newest first.
CREATE FUNCTION dfks.import_list_1() RETURNS TABLE (
    status text, ended_at double precision, said text
) LANGUAGE sql STABLE AS $$
    SELECT j.status, j.ended_at, j.said FROM dfks.import_job j WHERE j.status <> 'receiving'
    ORDER BY j.begun_at DESC, j.id;
$$;

-- Makes the oldest import mine whose node has ended, or gives one that is mine and that I do not
-- know of, as an answer was lost. Of files that never became whole nothing stays.
CREATE FUNCTION dfks.import_claim_1(me bigint, known text[]) RETURNS TABLE (
    status text, ended_at double precision, said text
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM 1 FROM dfks.node n WHERE n.epoch = me AND n.alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM dfks.import_remove_1(array_agg(j.id)) FROM dfks.import_job j
    WHERE j.status = 'receiving'
        AND NOT EXISTS (SELECT FROM dfks.node n WHERE n.epoch = j.owner AND n.alive)
    HAVING count(*) > 0;
    RETURN QUERY
    UPDATE dfks.import_job j SET owner = me
    FROM (
        SELECT one.id FROM dfks.import_job one
        WHERE one.ended_at IS NULL AND one.status <> 'receiving' AND CASE WHEN one.owner = me
            THEN one.id <> ALL (known)
            ELSE NOT EXISTS (SELECT FROM dfks.node n WHERE n.epoch = one.owner AND n.alive) END
        ORDER BY one.begun_at, one.id LIMIT 1 FOR UPDATE SKIP LOCKED) taken
    WHERE j.id = taken.id
    RETURNING j.status, j.ended_at, j.said;
END
$$;

-- Ends an import, wherever it runs: its node hears of it with its next note.
CREATE FUNCTION dfks.import_cancel_1(its_id text, at double precision) RETURNS TABLE (
    status text, ended_at double precision, said text
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    UPDATE dfks.import_job j SET status = 'cancelled', ended_at = at
    WHERE j.id = its_id AND j.ended_at IS NULL;
    DELETE FROM dfks.import_piece p WHERE p.job = its_id;
    RETURN QUERY
    SELECT j.status, j.ended_at, j.said FROM dfks.import_job j WHERE j.id = its_id;
END
$$;

CREATE FUNCTION dfks.import_refusals_1(
    of_job text, after_row bigint, after_part int, at_most int
) RETURNS TABLE (said text) LANGUAGE sql STABLE AS $$
    SELECT r.said FROM dfks.import_refusal r
    WHERE r.job = of_job AND (r.row, r.part) > (after_row, after_part)
    ORDER BY r.row, r.part LIMIT at_most;
$$;

-- Forgets the oldest import that is over where there are more than `keep`.
CREATE FUNCTION dfks.import_forget_1(keep int) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM dfks.import_remove_1(ARRAY[old.id]) FROM (
        SELECT j.id FROM dfks.import_job j WHERE j.ended_at IS NOT NULL
        ORDER BY j.begun_at DESC, j.id OFFSET keep) old;
END
$$;
