-- min-release: 0.1.0
-- Policies over nodes: bundles of files, which of them is to decide where, and who can use them.

CREATE TABLE dfks.policy_bundle (
    revision text PRIMARY KEY,          -- hash of what decides, as decisions carry it
    files    bytea NOT NULL,            -- compressed
    author   text NOT NULL,
    at       timestamptz NOT NULL
);

-- A scope is `*`, all nodes, or `node:NAME`, which outranks it. NULL: the files of each node decide.
CREATE TABLE dfks.policy_goal (
    scope    text PRIMARY KEY,
    revision text,
    previous text,                      -- what a rollback brings back
    at       timestamptz NOT NULL,
    actor    text NOT NULL
);

-- The last rollout of each scope. `preparing` → `done` once all living nodes of the scope are ready,
-- or `refused`, `expired`, `replaced`: these are final.
CREATE TABLE dfks.policy_rollout (
    scope    text PRIMARY KEY,
    revision text NOT NULL,
    state    text NOT NULL,
    at       timestamptz NOT NULL,
    actor    text NOT NULL
);

CREATE TABLE dfks.policy_ready (
    epoch    bigint NOT NULL,
    revision text NOT NULL,
    verdict  text NOT NULL,             -- empty: the node can use it; otherwise why not
    PRIMARY KEY (epoch, revision)
);

-- What each node follows, as it says.
CREATE TABLE dfks.policy_followed (
    epoch    bigint PRIMARY KEY,
    revision text,                      -- NULL: its files
    verdict  text NOT NULL              -- empty: it does; otherwise why not
);

-- Moves the goals of rollouts for which everybody is ready. Whoever looks does this: the node that
-- was asked for the rollout may be gone.
CREATE FUNCTION dfks.policy_advance_1() RETURNS void
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    one    dfks.policy_rollout;
    living int;
    ready  int;
    unfit  int;
BEGIN
    FOR one IN
        SELECT * FROM dfks.policy_rollout WHERE state = 'preparing' ORDER BY scope
        FOR UPDATE SKIP LOCKED
    LOOP
        SELECT count(*), count(*) FILTER (WHERE r.verdict = ''),
            count(*) FILTER (WHERE r.verdict <> '')
        INTO living, ready, unfit
        FROM dfks.node n LEFT JOIN dfks.policy_ready r
            ON r.epoch = n.epoch AND r.revision = one.revision
        WHERE n.alive AND one.scope IN ('*', 'node:' || n.name);
        IF unfit > 0 THEN
            UPDATE dfks.policy_rollout SET state = 'refused' WHERE scope = one.scope;
        ELSIF living > 0 AND ready = living THEN
            UPDATE dfks.policy_rollout SET state = 'done' WHERE scope = one.scope;
            INSERT INTO dfks.policy_goal AS g (scope, revision, previous, at, actor)
            VALUES (one.scope, one.revision, NULL, clock_timestamp(), one.actor)
            ON CONFLICT (scope) DO UPDATE SET
                previous = CASE WHEN g.revision IS DISTINCT FROM excluded.revision
                    THEN g.revision ELSE g.previous END,
                revision = excluded.revision, at = excluded.at, actor = excluded.actor;
            IF one.scope = '*' THEN
                DELETE FROM dfks.policy_goal WHERE scope <> '*';
            END IF;
        ELSIF one.at < clock_timestamp() - interval '10 minutes' THEN
            UPDATE dfks.policy_rollout SET state = 'expired' WHERE scope = one.scope;
        END IF;
    END LOOP;
END
$$;

-- What a node has to do: follow `goal` (NULL: its files), prepare revisions; and which revisions
-- decide on the nodes that live.
CREATE FUNCTION dfks.policy_look_1(
    me bigint, OUT goal text, OUT prepare text[], OUT names text[], OUT revisions text[]
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    mine text := (SELECT 'node:' || n.name FROM dfks.node n WHERE n.epoch = me);
BEGIN
    IF EXISTS (SELECT FROM dfks.policy_rollout WHERE state = 'preparing') THEN
        PERFORM dfks.policy_advance_1();
    END IF;
    -- A row of one node outranks that of all.
    SELECT g.revision INTO goal FROM dfks.policy_goal g
    WHERE g.scope IN ('*', mine) AND g.revision IS NOT NULL ORDER BY g.scope = '*' LIMIT 1;
    prepare := ARRAY(
        SELECT DISTINCT o.revision FROM dfks.policy_rollout o
        WHERE o.state = 'preparing' AND o.scope IN ('*', mine)
            AND NOT EXISTS (SELECT FROM dfks.policy_ready r
                WHERE r.epoch = me AND r.revision = o.revision));
    SELECT coalesce(array_agg(n.name ORDER BY n.epoch), '{}'),
        coalesce(array_agg(l.policies ORDER BY n.epoch), '{}')
    INTO names, revisions
    FROM dfks.node n JOIN dfks.lease l ON l.epoch = n.epoch
    WHERE n.alive AND l.policies <> '';
END
$$;

-- The bundle that a node with this name is to begin with; no row: its files.
CREATE FUNCTION dfks.policy_goal_1(my_name text) RETURNS TABLE (revision text, files bytea)
LANGUAGE sql STABLE AS $$
    SELECT b.revision, b.files
    FROM dfks.policy_goal g JOIN dfks.policy_bundle b ON b.revision = g.revision
    WHERE g.scope IN ('*', 'node:' || my_name) ORDER BY g.scope = '*' LIMIT 1;
$$;

CREATE FUNCTION dfks.policy_bundle_1(wanted text) RETURNS TABLE (files bytea)
LANGUAGE sql STABLE AS $$
    SELECT b.files FROM dfks.policy_bundle b WHERE b.revision = wanted;
$$;

CREATE FUNCTION dfks.policy_verdict_1(me bigint, about text, said text) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF FOUND THEN
        INSERT INTO dfks.policy_ready (epoch, revision, verdict) VALUES (me, about, said)
        ON CONFLICT (epoch, revision) DO UPDATE SET verdict = excluded.verdict;
        PERFORM dfks.policy_advance_1();
    END IF;
END
$$;

-- Begins a rollout, in place of one that is on its way in the scope.
CREATE FUNCTION dfks.policy_propose_1(
    for_scope text, what text, with_files bytea, who text
) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    -- One that decides stays as it was proved; only its tests could be others.
    INSERT INTO dfks.policy_bundle AS b (revision, files, author, at)
    VALUES (what, with_files, who, clock_timestamp())
    ON CONFLICT (revision) DO UPDATE
        SET files = excluded.files, author = excluded.author, at = excluded.at
        WHERE NOT EXISTS (SELECT FROM dfks.policy_goal g WHERE b.revision IN (g.revision, g.previous));
    INSERT INTO dfks.policy_rollout (scope, revision, state, at, actor)
    VALUES (for_scope, what, 'preparing', clock_timestamp(), who)
    ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision, state = excluded.state,
        at = excluded.at, actor = excluded.actor;
    -- Every node looks at it again, and what nobody needs goes.
    DELETE FROM dfks.policy_ready r
    WHERE r.revision = what
        OR NOT EXISTS (SELECT FROM dfks.node n WHERE n.epoch = r.epoch AND n.alive)
        OR NOT EXISTS (SELECT FROM dfks.policy_rollout o WHERE o.revision = r.revision);
    DELETE FROM dfks.policy_bundle b
    WHERE NOT EXISTS (SELECT FROM dfks.policy_goal g WHERE b.revision IN (g.revision, g.previous))
        AND NOT EXISTS (SELECT FROM dfks.policy_rollout o WHERE o.revision = b.revision);
END
$$;

-- Ends a rollout that is on its way, or moves a goal back to what it was before; false: neither is.
CREATE FUNCTION dfks.policy_back_1(for_scope text, who text) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    was dfks.policy_goal;
BEGIN
    UPDATE dfks.policy_rollout SET state = 'replaced'
    WHERE scope = for_scope AND state = 'preparing';
    IF FOUND THEN
        RETURN true;
    END IF;
    SELECT * INTO was FROM dfks.policy_goal g WHERE g.scope = for_scope FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF was.previous IS NULL AND for_scope <> '*' THEN
        DELETE FROM dfks.policy_goal WHERE scope = for_scope;
    ELSE
        UPDATE dfks.policy_goal SET revision = was.previous, previous = was.revision,
            at = clock_timestamp(), actor = who
        WHERE scope = for_scope;
    END IF;
    RETURN true;
END
$$;

-- Removes a goal, and ends a rollout; those of all nodes with those of single ones. False: there is
-- neither.
CREATE FUNCTION dfks.policy_drop_1(for_scope text, who text) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    found_one boolean;
BEGIN
    UPDATE dfks.policy_rollout SET state = 'replaced'
    WHERE for_scope IN ('*', scope) AND state = 'preparing';
    found_one := FOUND;
    DELETE FROM dfks.policy_goal WHERE scope <> '*' AND for_scope IN ('*', scope);
    found_one := found_one OR FOUND;
    IF for_scope = '*' THEN
        UPDATE dfks.policy_goal SET revision = NULL, previous = revision, at = clock_timestamp(),
            actor = who
        WHERE scope = '*' AND revision IS NOT NULL;
        found_one := found_one OR FOUND;
    END IF;
    RETURN found_one;
END
$$;

CREATE FUNCTION dfks.policy_followed_1(me bigint, what text, said text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO dfks.policy_followed (epoch, revision, verdict) VALUES (me, what, said)
    ON CONFLICT (epoch) DO UPDATE SET revision = excluded.revision, verdict = excluded.verdict;
    DELETE FROM dfks.policy_followed f
    WHERE NOT EXISTS (SELECT FROM dfks.node n WHERE n.epoch = f.epoch AND n.alive);
$$;

CREATE FUNCTION dfks.policy_followers_1() RETURNS TABLE (
    epoch bigint, revision text, verdict text
) LANGUAGE sql STABLE AS $$
    SELECT f.epoch, f.revision, f.verdict FROM dfks.policy_followed f ORDER BY f.epoch;
$$;

CREATE FUNCTION dfks.policy_goals_1() RETURNS TABLE (
    scope text, revision text, previous text, at double precision, actor text
) LANGUAGE sql STABLE AS $$
    SELECT g.scope, g.revision, g.previous, extract(epoch FROM g.at)::double precision, g.actor
    FROM dfks.policy_goal g ORDER BY g.scope;
$$;

CREATE FUNCTION dfks.policy_rollouts_1() RETURNS TABLE (
    scope text, revision text, state text, at double precision, actor text
) LANGUAGE sql STABLE AS $$
    SELECT o.scope, o.revision, o.state, extract(epoch FROM o.at)::double precision, o.actor
    FROM dfks.policy_rollout o ORDER BY o.scope;
$$;

CREATE FUNCTION dfks.policy_verdicts_1() RETURNS TABLE (epoch bigint, revision text, verdict text)
LANGUAGE sql STABLE AS $$
    SELECT r.epoch, r.revision, r.verdict FROM dfks.policy_ready r ORDER BY r.epoch, r.revision;
$$;
