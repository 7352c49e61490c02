-- min-release: 0.1.0
-- The view `dfks_calls`: what a proxy or a PBX must know about a user when a call comes. Its columns
-- are a promise, and the same as of a file (docs/reference/dfks-calls.md).

-- The SIP URI of a target that a phone has written; NULL if it has none. A number or a name without
-- a host is one of the domain. `store.calls` says the same in SQL of SQLite: they have to agree.
CREATE FUNCTION dfks.uri_of_1(target text, its_domain text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    written    text COLLATE "C" := target;
    address    text COLLATE "C";
    scheme     text COLLATE "C" := '';
    rest       text COLLATE "C";
    name       text COLLATE "C";
    place      text COLLATE "C";
    context    text COLLATE "C" := '';
    callee     text COLLATE "C";
    digits     text COLLATE "C";
    host       text COLLATE "C";
    parameters text COLLATE "C";
    one        text;
    at         int := 0;
    is_number  boolean;
BEGIN
    -- Of what a phone can dial. No other escape is undone: it may hide what splits an address.
    IF strpos(written, '%') > 0 THEN
        FOREACH one IN ARRAY '{30,31,32,33,34,35,36,37,38,39,2B,2A,23,2b,2a}'::text[] LOOP
            written := replace(written, '%' || one, chr(('x' || one)::bit(8)::int));
        END LOOP;
    END IF;
    -- Full width, and a space that does not break.
    written := btrim(translate(written, U&'\FF10\FF11\FF12\FF13\FF14\FF15\FF16\FF17\FF18\FF19\FF0B\00A0',
        '0123456789+ '));
    -- One parameter says what a local number belongs to; several, or one with spaces, do not.
    IF written ~ '%|<.*<|>.*>|>[^;]'
        OR replace(lower(written), ';phone-context=', '') ~ 'phone-context'
        OR lower(written) ~ 'phone-context.*phone-context'
    THEN
        RETURN NULL;
    END IF;
    IF strpos(written, '"') > 0 AND (
        btrim(split_part(written, '<', 1)) !~ '^".*"$' OR written ~ '".*".*"|\\')
    THEN
        RETURN NULL;
    END IF;

    -- `"Bob" <sip:bob@x>;q=1` → `sip:bob@x`
    address := btrim(CASE WHEN written ~ '<.*>'
        THEN split_part(substr(written, strpos(written, '<') + 1), '>', 1) ELSE written END);
    -- A number may go on after some junk.
    IF address ~ '[<>]|;[^A-Za-z;]' THEN
        RETURN NULL;
    END IF;
    scheme := coalesce(lower(substring(address from '^(?:[sS][iI][pP][sS]?|[tT][eE][lL]|[cC][aA][lL][lL][tT][oO]):')), '');
    rest := substr(address, length(scheme) + 1);
    IF scheme NOT IN ('tel:', 'callto:') THEN
        at := strpos(rest, '@');
    END IF;
    IF at > 0 THEN
        name := substr(rest, 1, at - 1);
        place := split_part(substr(rest, at + 1), '?', 1) || ';';
    ELSE
        name := split_part(rest, ';', 1);
        place := its_domain || ';';
        IF strpos(lower(rest), ';phone-context=+') > 0 AND rest !~ '^\+' THEN
            context := split_part(substr(rest, strpos(lower(rest), ';phone-context=+') + 15), ';', 1);
            context := translate(context, ' -.()/', '');
        END IF;
    END IF;

    callee := split_part(name, ':', 1);
    digits := translate(callee, ' -.()/', '');
    host := split_part(place, ';', 1);
    parameters := rtrim(substr(place, strpos(place, ';')), ';');
    -- Elsewhere, a colon belongs to a scheme that leads nobody knows where.
    IF scheme NOT IN ('sip:', 'sips:') AND strpos(name, ':') > 0
        OR context ~ '^.+[^0-9]'
        OR lower(callee) IN ('sip', 'sips', 'tel', 'callto')
    THEN
        RETURN NULL;
    END IF;
    is_number := replace(digits, '+', '') ~ '^[0-9*#]' AND digits ~ '[0-9*#]$'
        AND digits !~ '^\+[^0-9]|^.+[^0-9*#,]';
    IF at = 0 THEN
        -- `sip:x.example` and `sip:192.0.2.1` name a host and nobody there.
        IF NOT is_number AND context <> '' OR strpos(name, '?') > 0 OR NOT (
            is_number AND NOT (scheme LIKE 'sip%' AND name ~ '^[0-9].*\.[0-9].*\.[0-9].*\.[0-9]')
            OR scheme = ''
            OR scheme LIKE 'sip%' AND strpos(name, '.') = 0)
        THEN
            RETURN NULL;
        END IF;
    END IF;
    IF is_number THEN
        callee := replace(context || digits, '#', '%23');
    END IF;

    IF callee !~ '^[^;]' OR callee ~ '[^A-Za-z0-9_.!~*''()&=+$,;?/%-]'
        OR host !~ '^[\[A-Za-z0-9]' OR host ~ '[^\]A-Za-z0-9.:_\[-]|:$'
        OR parameters ~ '[^\]A-Za-z0-9_.!~*''()&+$/:=;\[-]'
    THEN
        RETURN NULL;
    END IF;
    IF host ~ '^\[' THEN  -- an IPv6 address
        IF host !~ '^.+\]' OR host ~ '^.+[^\]0-9A-Fa-f:.]|\][^:]|\]:.*[^0-9]' THEN
            RETURN NULL;
        END IF;
    ELSIF host ~ ':.*[^0-9]|[\[\]]' THEN
        RETURN NULL;
    END IF;
    RETURN CASE scheme WHEN 'sips:' THEN 'sips:' ELSE 'sip:' END
        || callee || '@' || host || parameters;
END
$$;

CREATE VIEW dfks.dfks_calls AS
SELECT username AS "user", domain, revision,
    coalesce((dnd ->> 'status')::boolean, false)::int AS dnd,
    coalesce((cfa ->> 'status')::boolean, false)::int AS cfa,
    cfa #>> '{values,forwardTo}' AS cfa_to,
    dfks.uri_of_1(cfa #>> '{values,forwardTo}', domain) AS cfa_uri,
    coalesce((cfb ->> 'status')::boolean, false)::int AS cfb,
    cfb #>> '{values,forwardTo}' AS cfb_to,
    dfks.uri_of_1(cfb #>> '{values,forwardTo}', domain) AS cfb_uri,
    coalesce((cfna ->> 'status')::boolean, false)::int AS cfna,
    cfna #>> '{values,forwardTo}' AS cfna_to,
    dfks.uri_of_1(cfna #>> '{values,forwardTo}', domain) AS cfna_uri,
    (cfna #>> '{values,ringCount}')::int AS cfna_rings,
    CASE WHEN coalesce(dnd, cfa, cfb, cfna) IS NOT NULL
        THEN to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS changed_at
FROM dfks.presentity, LATERAL (SELECT
    states -> 'DoNotDisturb' AS dnd,
    states -> 'CallForwardingAlways' AS cfa,
    states -> 'CallForwardingBusy' AS cfb,
    states -> 'CallForwardingNoAnswer' AS cfna) AS features
WHERE revision > 0;
