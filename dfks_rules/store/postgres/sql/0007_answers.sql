-- min-release: 0.1.0
-- What requests with an Idempotency-Key were answered, for a day, by whatever node.

CREATE TABLE dfks.answer (
    caller  text COLLATE "C" NOT NULL,  -- name of the token
    key     text COLLATE "C" NOT NULL,
    number  bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    at      timestamptz NOT NULL,
    epoch   bigint NOT NULL,            -- the life of the node that was asked
    request bytea NOT NULL,             -- SHA-256 of what was asked; at first, of what was known then
    status  int,                        -- NULL: it is under way there
    headers text NOT NULL DEFAULT '{}', -- a JSON object
    body    bytea NOT NULL DEFAULT '',
    PRIMARY KEY (caller, key)
);

-- Whether a request is mine to carry out; or else what was answered, or that it is under way. One
-- that is under way at a node that has ended, or for longer than a minute, is given up.
CREATE FUNCTION dfks.answer_begin_1(
    me bigint, its_caller text, its_key text, its_request bytea, most bigint,
    OUT is_mine boolean, OUT request bytea, OUT status int, OUT headers text, OUT body bytea
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    -- Two for each that is written: their number falls back to its bound.
    DELETE FROM dfks.answer a
    WHERE a.number IN (
            SELECT old.number FROM dfks.answer old ORDER BY old.number LIMIT 2
            FOR UPDATE SKIP LOCKED)
        AND (a.at < clock_timestamp() - interval '1 day'
            OR a.number <= (SELECT max(newest.number) FROM dfks.answer newest) - most);
    DELETE FROM dfks.answer a
    WHERE a.caller = its_caller AND a.key = its_key AND (
        a.at < clock_timestamp() - interval '1 day'
        OR a.status IS NULL AND (a.at < clock_timestamp() - interval '1 minute'
            OR NOT EXISTS (SELECT FROM dfks.node n WHERE n.epoch = a.epoch AND n.alive)));
    INSERT INTO dfks.answer (caller, key, at, epoch, request)
    VALUES (its_caller, its_key, clock_timestamp(), me, its_request)
    ON CONFLICT (caller, key) DO NOTHING;
    is_mine := FOUND;
    IF NOT is_mine THEN
        SELECT a.request, a.status, a.headers, a.body INTO request, status, headers, body
        FROM dfks.answer a WHERE a.caller = its_caller AND a.key = its_key;
    END IF;
END
$$;

-- Keeps what my request was answered, with a hash of all of it. One that was given up meanwhile does
-- not replace another's.
CREATE FUNCTION dfks.answer_keep_1(
    me bigint, its_caller text, its_key text, its_request bytea, its_status int, its_headers text,
    its_body bytea
) RETURNS void LANGUAGE sql AS $$
    UPDATE dfks.answer
    SET request = its_request, status = its_status, headers = its_headers, body = its_body
    WHERE caller = its_caller AND key = its_key AND epoch = me AND status IS NULL;
$$;

-- Lets my request come again: it may be answered otherwise.
CREATE FUNCTION dfks.answer_drop_1(me bigint, its_caller text, its_key text) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM dfks.answer
    WHERE caller = its_caller AND key = its_key AND epoch = me AND status IS NULL;
$$;
