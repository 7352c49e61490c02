-- min-release: 0.1.0
-- Lives of servers, and whose dialogs are whose.

CREATE FUNCTION dfks.join_1(
    my_name text, my_release text, seconds double precision,
    OUT my_epoch bigint, OUT secret bytea, OUT clock double precision, OUT newest bigint
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    INSERT INTO dfks.node (name, release) VALUES (my_name, my_release)
    RETURNING epoch INTO my_epoch;
    INSERT INTO dfks.lease (epoch, until, renewed)
    VALUES (my_epoch, moment + make_interval(secs => seconds), moment);
    INSERT INTO dfks.cohort (id, owner)
    SELECT my_epoch * 64 + n, my_epoch FROM generate_series(0, 63) n;
    SELECT s.secret INTO secret FROM dfks.secret s;
    newest := dfks.newest_1();
    clock := extract(epoch FROM clock_timestamp());
END
$$;

CREATE FUNCTION dfks.renew_1(
    me bigint, seconds double precision, my_policies text, my_position bigint,
    my_skew double precision, my_subscriptions bigint,
    OUT is_alive boolean, OUT clock double precision, OUT is_draining boolean
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    -- Whoever buries holds this lock until it is done.
    SELECT l.is_draining INTO is_draining FROM dfks.lease l WHERE l.epoch = me FOR UPDATE;
    is_draining := coalesce(is_draining, false);
    is_alive := coalesce((SELECT alive FROM dfks.node WHERE epoch = me), false);
    IF is_alive THEN
        UPDATE dfks.lease SET until = clock_timestamp() + make_interval(secs => seconds),
            renewed = clock_timestamp(), policies = my_policies, position = my_position,
            skew = my_skew, subscriptions = my_subscriptions
        WHERE epoch = me;
    END IF;
    clock := extract(epoch FROM clock_timestamp());
END
$$;

-- Ends lives whose leases are over. One that is stuck in a write keeps nobody else from the grave.
CREATE FUNCTION dfks.bury_1(me bigint) RETURNS SETOF bigint
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    one bigint;
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR one IN
        SELECT l.epoch FROM dfks.lease l
        WHERE l.epoch <> me
            -- In the future: the clock was set back, and it has not been renewed since.
            AND (l.until < clock_timestamp() OR l.renewed > clock_timestamp() + interval '30 s')
            AND EXISTS (SELECT FROM dfks.node n WHERE n.epoch = l.epoch AND n.alive)
        ORDER BY l.epoch FOR UPDATE OF l SKIP LOCKED
    LOOP
        BEGIN
            UPDATE dfks.node SET alive = false, ended = clock_timestamp()
            WHERE epoch = one AND alive;
            IF FOUND THEN
                RETURN NEXT one;
            END IF;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END LOOP;
END
$$;

CREATE FUNCTION dfks.drain_1(me bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE dfks.lease SET is_draining = true WHERE epoch = me;
$$;

CREATE FUNCTION dfks.leave_1(me bigint, clean boolean) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM 1 FROM dfks.lease WHERE epoch = me FOR UPDATE;
    UPDATE dfks.node SET alive = false, is_clean = clean, ended = clock_timestamp()
    WHERE epoch = me AND alive;
    IF FOUND THEN
        UPDATE dfks.lease SET until = clock_timestamp(), renewed = clock_timestamp()
        WHERE epoch = me;
    END IF;
END
$$;

-- Takes cohorts whose owners have ended; at most `share`, or as many as make up my part of all that
-- have changed hands. In case others do not take theirs, at least my part of those that are left.
-- `again`: with those that I have taken before, whose answer may have been lost.
CREATE FUNCTION dfks.claim_1(
    me bigint, share int, again boolean
) RETURNS TABLE (cohort bigint, term bigint, renewed double precision, is_clean boolean)
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    orphans int;
    living  int;
    missing int;
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF again THEN
        RETURN QUERY
        SELECT c.id, c.term, extract(epoch FROM c.since)::double precision, false
        FROM dfks.cohort c WHERE c.owner = me AND c.id / 64 <> me;
    END IF;
    IF EXISTS (SELECT FROM dfks.lease WHERE epoch = me AND is_draining) THEN
        RETURN;
    END IF;
    -- A node that has ended writes nothing, so an empty one stays empty.
    DELETE FROM dfks.cohort WHERE id IN (
        SELECT c.id FROM dfks.cohort c JOIN dfks.node n ON n.epoch = c.owner
        WHERE NOT n.alive AND NOT EXISTS (SELECT FROM dfks.subscription s WHERE s.cohort = c.id)
        ORDER BY c.id FOR UPDATE OF c SKIP LOCKED);
    SELECT count(*) INTO orphans
    FROM dfks.cohort c JOIN dfks.node n ON n.epoch = c.owner WHERE NOT n.alive;
    IF orphans = 0 THEN
        RETURN;
    END IF;
    SELECT greatest(count(*), 1) INTO living
    FROM dfks.node n JOIN dfks.lease l ON l.epoch = n.epoch WHERE n.alive AND NOT l.is_draining;
    SELECT ceil((orphans + count(*))::numeric / living) - count(*) FILTER (WHERE c.owner = me)
    INTO missing
    FROM dfks.cohort c JOIN dfks.node n ON n.epoch = c.owner
    WHERE n.alive AND c.owner <> c.id / 64;
    RETURN QUERY
    WITH taken AS (
        SELECT c.id, l.renewed, n.is_clean,
            -- An owner that lived for a moment only may have told nobody what the one before owed.
            CASE WHEN c.claimed > l.renewed - interval '60 s' THEN c.since END AS since
        FROM dfks.cohort c
        JOIN dfks.node n ON n.epoch = c.owner JOIN dfks.lease l ON l.epoch = c.owner
        WHERE NOT n.alive
        ORDER BY c.id
        LIMIT coalesce(share, greatest(missing, ceil(orphans::numeric / living)))
        FOR UPDATE OF c SKIP LOCKED)
    UPDATE dfks.cohort c
    SET owner = me, term = c.term + 1, claimed = clock_timestamp(),
        since = least(t.renewed, t.since)
    FROM taken t WHERE t.id = c.id
    RETURNING c.id, c.term, extract(epoch FROM c.since)::double precision,
        t.is_clean AND t.since IS NULL;
END
$$;

CREATE FUNCTION dfks.nodes_1() RETURNS TABLE (
    epoch bigint, name text, release text, policies text, state text, until double precision,
    cohorts bigint, subscriptions bigint, "position" bigint, skew double precision
) LANGUAGE sql STABLE AS $$
    SELECT n.epoch, n.name, n.release, l.policies,
        CASE WHEN NOT n.alive THEN 'dead' WHEN l.until < clock_timestamp() THEN 'late'
            WHEN l.is_draining THEN 'draining' ELSE 'serving' END,
        extract(epoch FROM l.until)::double precision,
        (SELECT count(*) FROM dfks.cohort c WHERE c.owner = n.epoch),
        l.subscriptions, l.position, l.skew
    FROM dfks.node n JOIN dfks.lease l ON l.epoch = n.epoch
    WHERE n.alive OR n.ended > clock_timestamp() - interval '1 hour'
    ORDER BY n.epoch;
$$;

-- Makes a dialog mine, with the number `new_row`; NULL: gives it only if it is mine already.
CREATE FUNCTION dfks.adopt_1(
    me bigint, wanted bytea, new_row bigint,
    OUT is_alive boolean, OUT is_moved boolean, OUT number bigint, OUT tag bytea, OUT username text,
    OUT domain text, OUT deadline double precision, OUT cseq bigint, OUT base bigint,
    OUT flags bigint, OUT first bytea, OUT last bytea
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    held    dfks.subscription;
    theirs  dfks.cohort;
    ours    dfks.cohort;
    one     dfks.cohort;
    earlier bigint;
BEGIN
    PERFORM 1 FROM dfks.node n WHERE n.epoch = me AND n.alive FOR SHARE;
    is_alive := FOUND;
    IF NOT is_alive THEN
        RETURN;
    END IF;
    SELECT * INTO held FROM dfks.subscription s WHERE s.tag = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- A second statement, and locked: a claim may be raising the term at this moment.
    FOR one IN
        SELECT * FROM dfks.cohort c
        WHERE c.id IN (held.cohort, (new_row >> 32) * 64 + new_row % 64) ORDER BY c.id FOR SHARE
    LOOP
        IF one.id = held.cohort THEN theirs := one; END IF;
        IF one.id = (new_row >> 32) * 64 + new_row % 64 THEN ours := one; END IF;
    END LOOP;
    IF theirs.id IS NULL THEN
        RAISE EXCEPTION 'subscription % is in no cohort', held.number;
    END IF;
    is_moved := theirs.owner <> me;
    IF is_moved AND new_row IS NULL THEN
        RETURN;
    END IF;
    IF is_moved THEN
        IF ours.owner IS DISTINCT FROM me THEN
            RAISE EXCEPTION 'number % is not of a cohort of node %', new_row, me;
        END IF;
        earlier := held.number;
        UPDATE dfks.subscription s
        SET number = new_row, base = s.base + theirs.term + 1 - ours.term
        WHERE s.number = held.number
        RETURNING * INTO held;
        PERFORM 1 FROM dfks.counter c WHERE c.name = 'newest' FOR UPDATE;
        INSERT INTO dfks.moved
        SELECT dfks.newest_1() + 1, clock_timestamp(), me, held.tag, earlier;
    END IF;
    number := held.number; tag := held.tag; username := held.username; domain := held.domain;
    deadline := held.deadline; cseq := held.cseq; base := held.base; flags := held.flags;
    first := held.first; last := held.last;
END
$$;

-- Dialogs of cohorts, the highest numbers first: one life after the other, since those of a life
-- stand together.
CREATE FUNCTION dfks.rows_1(cohorts bigint[], below bigint, at_most int) RETURNS TABLE (
    number bigint, tag bytea, username text, domain text, deadline double precision, cseq bigint,
    base bigint, flags bigint, first bytea, last bytea
) LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_sort = off SET jit = off AS $$
DECLARE
    life  bigint;
    found int;
BEGIN
    FOR life IN
        SELECT DISTINCT c / 64 FROM unnest(cohorts) c WHERE (c / 64) << 32 < below ORDER BY 1 DESC
    LOOP
        RETURN QUERY
        SELECT s.number, s.tag, s.username, s.domain, s.deadline, s.cseq, s.base, s.flags, s.first,
            s.last
        FROM dfks.subscription s
        WHERE s.number >= life << 32 AND s.number < least(below, (life + 1) << 32)
            AND s.cohort = ANY (cohorts)
        ORDER BY s.number DESC LIMIT at_most;
        GET DIAGNOSTICS found = ROW_COUNT;
        at_most := at_most - found;
        EXIT WHEN at_most <= 0;
    END LOOP;
END
$$;
