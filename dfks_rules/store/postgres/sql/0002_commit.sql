-- min-release: 0.1.0
-- Stores what one node has gathered, in one call. A row is locked before it is looked at, always
-- in this order: the node, subscriptions by number, their cohorts, new tags, presentities by domain
-- and user, and the counter at last.
--
-- Presentities and subscriptions are numbered from 1 in the order in which they come, that of their
-- keys; whatever is said of them names that number.

-- Plans must not depend on how small a table was when they were made.
CREATE FUNCTION dfks.commit_1(
    me bigint,
    -- Presentities, each once.
    p_domain text[], p_user text[],
    -- Subscriptions, each once; those without a tag are only removed.
    d_row bigint[], d_tag bytea[], d_domain text[], d_user text[], d_gone boolean[],
    -- Rows to write; `e_visits`: only if its step is stored, which is REPEATED or MOVED otherwise.
    e_step int[], e_dialog int[], e_visits boolean[], e_deadline double precision[],
    e_cseq bigint[], e_base bigint[], e_flags bigint[], e_first bytea[], e_last bytea[],
    -- How many steps there are; steps on which others build (0: one that is not here); revisions
    -- that must hold.
    steps int, b_step int[], b_on int[],
    q_step int[], q_presentity int[], q_revision bigint[],
    -- Changes: the new revision, and the states that differ.
    c_step int[], c_presentity int[], c_revision bigint[], c_states text[],
    -- Their rows in the journal.
    f_step int[], f_domain text[], f_user text[], f_revision bigint[], f_feature text[],
    f_before text[], f_after text[], f_origin text[], f_actor text[], f_rule text[],
    f_decision text[], f_tells boolean[],
    -- One for each step: 0 stored, 1 repeated, 2 conflict, 3 moved; NULL: the node was buried.
    OUT verdicts int[],
    -- Number of the newest change of each step; 0: it has none.
    OUT newest bigint[],
    -- Rows that are not ours any more, or never were there.
    OUT lost bigint[]
) LANGUAGE plpgsql
SET lock_timeout = '1500ms' SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    dialogs  int := cardinality(d_row);
    entries  int := cardinality(e_step);
    is_mine  boolean[] := array_fill(false, ARRAY[dialogs]);   -- and is stored
    cseqs    bigint[] := array_fill(-1::bigint, ARRAY[dialogs]);
    whole    int[] := array_fill(NULL::int, ARRAY[dialogs]);   -- the first entry with a message
    is_new   boolean[] := array_fill(false, ARRAY[dialogs]);
    written  int[] := array_fill(NULL::int, ARRAY[dialogs]);   -- the entry that holds in the end
    firsts   int[] := array_fill(NULL::int, ARRAY[dialogs]);
    lasts    int[] := array_fill(NULL::int, ARRAY[dialogs]);
    bases    bigint[] := array_fill(NULL::bigint, ARRAY[dialogs]);
    mine     bigint[];                                         -- cohorts
    revisions bigint[] := '{}';
    patches  jsonb[] := array_fill('{}'::jsonb, ARRAY[cardinality(p_domain)]);
    changed  boolean[] := array_fill(false, ARRAY[cardinality(p_domain)]);
    numbers  int[] := array_fill(0, ARRAY[cardinality(f_step)]);
    count    int := 0;                                         -- of changes that are numbered
    base     bigint;
    moment   timestamptz;
    verdict  int;
    held     record;
    d int; s int; b int := 1; q int := 1; c int := 1; f int := 1; e int := 1;
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    verdicts := array_fill(0, ARRAY[steps]);
    newest := array_fill(0::bigint, ARRAY[steps]);
    lost := '{}';

    IF dialogs > 0 THEN
        d := 1;
        FOR held IN
            SELECT number, cseq FROM dfks.subscription
            WHERE number = ANY (d_row) ORDER BY number FOR UPDATE
        LOOP
            WHILE d_row[d] < held.number LOOP d := d + 1; END LOOP;
            is_mine[d] := true;
            cseqs[d] := held.cseq;
        END LOOP;
        -- A second statement: in one with the first, a row that moves while it waits is no row.
        SELECT coalesce(array_agg(id), '{}') INTO mine FROM (
            SELECT id FROM dfks.cohort
            WHERE owner = me
                AND id = ANY (ARRAY(SELECT DISTINCT (r >> 32) * 64 + r % 64 FROM unnest(d_row) r))
            ORDER BY id FOR SHARE) locked;
        FOR e IN 1..entries LOOP
            d := e_dialog[e];
            IF whole[d] IS NULL AND e_first[e] IS NOT NULL THEN whole[d] := e; END IF;
        END LOOP;
        FOR d IN 1..dialogs LOOP
            IF (d_row[d] >> 32) * 64 + d_row[d] % 64 <> ALL (mine) THEN
                is_mine[d] := false;
            ELSIF NOT is_mine[d] AND whole[d] IS NOT NULL THEN
                is_new[d] := true;
            END IF;
        END LOOP;
        IF true = ANY (is_new) THEN
            FOR held IN
                INSERT INTO dfks.subscription
                    (number, tag, domain, username, deadline, cseq, base, flags, first, last)
                SELECT n.number, n.tag, n.domain, n.username, e_deadline[n.e], e_cseq[n.e],
                    e_base[n.e], e_flags[n.e], e_first[n.e], e_last[n.e]
                FROM unnest(d_row, d_tag, d_domain, d_user, is_new, whole)
                    AS n (number, tag, domain, username, is_new, e)
                WHERE n.is_new ORDER BY n.tag
                ON CONFLICT (tag) DO NOTHING RETURNING number
            LOOP
                is_mine[array_position(d_row, held.number)] := true;
            END LOOP;
        END IF;
    END IF;

    IF cardinality(p_domain) > 0 THEN
        INSERT INTO dfks.presentity (domain, username, revision, states, changed_at)
        SELECT n.domain, n.username, 0, '{}', clock_timestamp()
        FROM unnest(p_domain, p_user) AS n (domain, username)
        WHERE NOT EXISTS (
            SELECT FROM dfks.presentity p
            WHERE p.domain = n.domain AND p.username = n.username)
        ORDER BY n.domain COLLATE "C", n.username COLLATE "C"
        ON CONFLICT DO NOTHING;
        SELECT array_agg(revision ORDER BY position) INTO revisions FROM (
            SELECT p.revision, n.position
            FROM unnest(p_domain, p_user) WITH ORDINALITY AS n (domain, username, position)
            JOIN dfks.presentity p ON p.domain = n.domain AND p.username = n.username
            ORDER BY p.domain, p.username FOR UPDATE OF p) locked;
    END IF;

    FOR s IN 1..steps LOOP
        verdict := 0;
        IF e_step[e] = s AND e_visits[e] THEN
            d := e_dialog[e];
            IF NOT is_mine[d] THEN verdict := 3;
            ELSIF cseqs[d] >= e_cseq[e] THEN verdict := 1;
            END IF;
        END IF;
        WHILE b_step[b] = s LOOP
            IF verdict = 0 AND verdicts[b_on[b]] IS DISTINCT FROM 0 THEN verdict := 2; END IF;
            b := b + 1;
        END LOOP;
        WHILE q_step[q] = s LOOP
            IF verdict = 0 AND revisions[q_presentity[q]] <> q_revision[q] THEN
                verdict := 2;
            END IF;
            q := q + 1;
        END LOOP;
        verdicts[s] := verdict;
        WHILE c_step[c] = s LOOP
            IF verdict = 0 THEN
                d := c_presentity[c];
                revisions[d] := c_revision[c];
                patches[d] := patches[d] || c_states[c]::jsonb;
                changed[d] := true;
            END IF;
            c := c + 1;
        END LOOP;
        WHILE f_step[f] = s LOOP
            IF verdict = 0 THEN
                count := count + 1;
                numbers[f] := count;
                newest[s] := count;
            END IF;
            f := f + 1;
        END LOOP;
        WHILE e_step[e] = s LOOP
            d := e_dialog[e];
            IF e_visits[e] AND verdict <> 0 THEN
                NULL;
            ELSIF NOT is_mine[d] THEN
                lost := lost || d_row[d];
            ELSIF is_new[d] AND firsts[d] IS NULL AND e_first[e] IS NULL THEN
                NULL; -- What made it has come to nothing.
            ELSIF e_cseq[e] < cseqs[d] THEN
                -- A call that was given up may come late: what it reserved holds, nothing else.
                bases[d] := greatest(bases[d], e_base[e]);
            ELSE
                written[d] := e;
                cseqs[d] := e_cseq[e];
                bases[d] := greatest(bases[d], e_base[e]);
                IF e_first[e] IS NOT NULL THEN firsts[d] := e; END IF;
                IF e_last[e] IS NOT NULL THEN lasts[d] := e; END IF;
            END IF;
            e := e + 1;
        END LOOP;
    END LOOP;

    IF entries > 0 THEN
        UPDATE dfks.subscription o SET
            deadline = coalesce(e_deadline[n.e], o.deadline), cseq = coalesce(e_cseq[n.e], o.cseq),
            base = CASE WHEN n.is_new THEN n.base ELSE greatest(o.base, n.base) END,
            flags = coalesce(e_flags[n.e], o.flags),
            first = coalesce(e_first[n.first], o.first), last = coalesce(e_last[n.last], o.last)
        FROM unnest(d_row, written, firsts, lasts, bases, is_new, whole)
            AS n (number, e, first, last, base, is_new, whole)
        WHERE o.number = n.number AND n.base IS NOT NULL
            AND NOT (n.is_new AND n.e = n.whole AND n.base = e_base[n.whole]);
    END IF;
    IF true = ANY (d_gone) OR true = ANY (is_new) THEN
        -- New ones, too, whose step has come to nothing.
        DELETE FROM dfks.subscription o
        USING unnest(d_row, is_mine, d_gone, is_new, written)
            AS n (number, is_mine, gone, is_new, e)
        WHERE o.number = n.number AND n.is_mine AND (n.gone OR (n.is_new AND n.e IS NULL));
    END IF;

    IF true = ANY (changed) THEN
        UPDATE dfks.presentity p
        SET revision = n.revision, states = p.states || n.patch, changed_at = clock_timestamp()
        FROM unnest(p_domain, p_user, revisions, patches, changed)
            AS n (domain, username, revision, patch, changed)
        WHERE p.domain = n.domain AND p.username = n.username AND n.changed;
    END IF;

    IF count > 0 THEN
        PERFORM 1 FROM dfks.counter WHERE name = 'newest' FOR UPDATE;
        -- A second statement, which sees what was stored while the first one waited.
        SELECT dfks.newest_1() INTO base;
        moment := clock_timestamp();
        INSERT INTO dfks.change
        SELECT base + n.number, moment, me, n.domain, n.username, n.revision, n.feature,
            n.before::jsonb, n.after::jsonb, n.origin, n.actor, n.rule, n.decision, n.tells
        FROM unnest(numbers, f_domain, f_user, f_revision, f_feature, f_before, f_after, f_origin,
                f_actor, f_rule, f_decision, f_tells)
            AS n (number, domain, username, revision, feature, before, after, origin,
                actor, rule, decision, tells)
        WHERE n.number > 0;
        FOR s IN 1..steps LOOP
            IF newest[s] > 0 THEN newest[s] := newest[s] + base; END IF;
        END LOOP;
    END IF;
END
$$;
