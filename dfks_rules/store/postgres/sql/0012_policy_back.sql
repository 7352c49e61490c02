-- min-release: 0.1.0
-- A rollback of what somebody saw: two at once must not undo each other.

-- Ends a rollout that is on its way, or moves a goal back to what it was before. `seen`: what is to
-- end, a revision or `files`; NULL: whatever there is. `now`: what there was; NULL: neither.
CREATE FUNCTION dfks.policy_back_2(
    for_scope text, who text, seen text, OUT is_done boolean, OUT now text
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    -- Two that come at once are carried out one after the other.
    PERFORM 1 FROM dfks.policy_rollout o WHERE o.scope = for_scope FOR UPDATE;
    PERFORM 1 FROM dfks.policy_goal g WHERE g.scope = for_scope FOR UPDATE;
    SELECT o.revision INTO now FROM dfks.policy_rollout o
    WHERE o.scope = for_scope AND o.state = 'preparing';
    IF NOT FOUND THEN
        SELECT coalesce(g.revision, 'files') INTO now FROM dfks.policy_goal g
        WHERE g.scope = for_scope;
    END IF;
    is_done := now IS NOT NULL AND (seen IS NULL OR seen = now);
    IF is_done THEN
        PERFORM dfks.policy_back_1(for_scope, who);
    END IF;
END
$$;
