-- min-release: 0.1.0
-- When features that are on are switched off. In `dfks.presentity`, the state of such a feature has
-- `expires`, seconds since 1970, and `expires_by`, the rule that says so; whoever sets the feature,
-- of whatever release, replaces both. Here is the earliest of each presentity, for who looks what is
-- due. A table of its own: `dfks.presentity` may have millions of rows, which would be locked for as
-- long as an index is made.
CREATE TABLE dfks.expiry (
    domain   text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    at       bigint NOT NULL,
    PRIMARY KEY (domain, username)
);
CREATE INDEX expiry_by_time ON dfks.expiry (at);

CREATE FUNCTION dfks.note_expiry_1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    earliest bigint := (
        SELECT min((s.value ->> 'expires')::bigint) FROM jsonb_each(NEW.states) s);
BEGIN
    IF earliest IS NULL THEN
        DELETE FROM dfks.expiry e WHERE e.domain = NEW.domain AND e.username = NEW.username;
    ELSE
        INSERT INTO dfks.expiry AS e (domain, username, at)
        VALUES (NEW.domain, NEW.username, earliest)
        ON CONFLICT (domain, username) DO UPDATE SET at = excluded.at WHERE e.at <> excluded.at;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER expiry_inserted AFTER INSERT ON dfks.presentity FOR EACH ROW
WHEN (NEW.states @? '$.*.expires') EXECUTE FUNCTION dfks.note_expiry_1();
CREATE TRIGGER expiry_updated AFTER UPDATE OF states ON dfks.presentity FOR EACH ROW
WHEN (NEW.states @? '$.*.expires' OR OLD.states @? '$.*.expires')
EXECUTE FUNCTION dfks.note_expiry_1();

-- Presentities with a deadline by then, the earliest first.
CREATE FUNCTION dfks.expiry_due_1(until bigint, at_most int) RETURNS TABLE (
    domain text, username text
) LANGUAGE sql STABLE AS $$
    SELECT e.domain, e.username FROM dfks.expiry e WHERE e.at <= until ORDER BY e.at LIMIT at_most;
$$;

CREATE FUNCTION dfks.expiry_next_1() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT min(e.at) FROM dfks.expiry e;
$$;
