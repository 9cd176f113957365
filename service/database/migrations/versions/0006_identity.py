"""Identity: organisations, memberships with a place, sign-in, tokens

Revision ID: 0006
Revises: 0005
"""

from alembic import op

from service.database.tenancy import protect

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE directory.organisation (
    id UUID DEFAULT uuidv7() NOT NULL,
    tenant_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    number VARCHAR,
    name VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_organisation PRIMARY KEY (id),
    CONSTRAINT uq_organisation_tenant_id_id UNIQUE (tenant_id, id),
    CONSTRAINT ck_organisation_kind CHECK (kind in ('service', 'club')),
    CONSTRAINT ck_organisation_number CHECK ((kind = 'club') = (number is not null)),
    CONSTRAINT fk_organisation_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id)
);

CREATE UNIQUE INDEX uq_organisation_number ON directory.organisation (tenant_id, number) WHERE ended_at is null and number is not null;

CREATE UNIQUE INDEX uq_organisation_service ON directory.organisation (tenant_id, lower(name)) WHERE ended_at is null and kind = 'service';

CREATE TABLE directory.invitation (
    id UUID DEFAULT uuidv7() NOT NULL,
    hash BYTEA NOT NULL,
    tenant_id UUID NOT NULL,
    organisation_id UUID,
    email VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    invited_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_invitation PRIMARY KEY (id),
    CONSTRAINT uq_invitation_hash UNIQUE (hash),
    CONSTRAINT fk_invitation_tenant_id_organisation_id FOREIGN KEY(tenant_id, organisation_id) REFERENCES directory.organisation (tenant_id, id),
    CONSTRAINT ck_invitation_email_lower CHECK (email = lower(email)),
    CONSTRAINT ck_invitation_role CHECK (role in ('administrator', 'case_worker', 'finance_officer', 'referrer', 'club_treasurer', 'coordinator', 'volunteer', 'auditor')),
    CONSTRAINT ck_invitation_one_end CHECK (accepted_at is null or withdrawn_at is null),
    CONSTRAINT fk_invitation_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id),
    CONSTRAINT fk_invitation_invited_by FOREIGN KEY(invited_by) REFERENCES directory.account (id)
);

CREATE INDEX ix_invitation_open ON directory.invitation (tenant_id) WHERE accepted_at is null and withdrawn_at is null;

CREATE TABLE directory.external_identity (
    issuer VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    account_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_external_identity PRIMARY KEY (issuer, subject),
    CONSTRAINT fk_external_identity_account_id FOREIGN KEY(account_id) REFERENCES directory.account (id)
);

CREATE INDEX ix_external_identity_account_id ON directory.external_identity (account_id);

CREATE TABLE directory.sign_in_link (
    hash BYTEA NOT NULL,
    account_id UUID NOT NULL,
    made_by VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sign_in_link PRIMARY KEY (hash),
    CONSTRAINT ck_sign_in_link_made_by CHECK (made_by in ('email', 'command')),
    CONSTRAINT fk_sign_in_link_account_id FOREIGN KEY(account_id) REFERENCES directory.account (id)
);

CREATE INDEX ix_sign_in_link_account_id ON directory.sign_in_link (account_id);

CREATE TABLE directory.sign_in_session (
    id UUID DEFAULT uuidv7() NOT NULL,
    hash BYTEA NOT NULL,
    account_id UUID NOT NULL,
    method VARCHAR NOT NULL,
    agent VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    second_factor_at TIMESTAMP WITH TIME ZONE,
    tenant_id UUID,
    organisation_id UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sign_in_session PRIMARY KEY (id),
    CONSTRAINT uq_sign_in_session_hash UNIQUE (hash),
    CONSTRAINT ck_sign_in_session_method CHECK (method in ('email', 'command', 'provider')),
    CONSTRAINT fk_sign_in_session_account_id FOREIGN KEY(account_id) REFERENCES directory.account (id),
    CONSTRAINT fk_sign_in_session_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id),
    CONSTRAINT fk_sign_in_session_organisation_id FOREIGN KEY(organisation_id) REFERENCES directory.organisation (id)
);

CREATE INDEX ix_sign_in_session_account_id ON directory.sign_in_session (account_id);

CREATE TABLE directory.provider_request (
    hash BYTEA NOT NULL,
    browser BYTEA NOT NULL,
    provider VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    nonce VARCHAR NOT NULL,
    verifier VARCHAR NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_provider_request PRIMARY KEY (hash)
);

CREATE TABLE directory.api_token (
    id UUID DEFAULT uuidv7() NOT NULL,
    hash BYTEA NOT NULL,
    tenant_id UUID NOT NULL,
    organisation_id UUID,
    name VARCHAR NOT NULL,
    scopes VARCHAR[] NOT NULL,
    created_by UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revoked_by UUID,
    CONSTRAINT pk_api_token PRIMARY KEY (id),
    CONSTRAINT uq_api_token_hash UNIQUE (hash),
    CONSTRAINT fk_api_token_tenant_id_organisation_id FOREIGN KEY(tenant_id, organisation_id) REFERENCES directory.organisation (tenant_id, id),
    CONSTRAINT fk_api_token_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id),
    CONSTRAINT fk_api_token_created_by FOREIGN KEY(created_by) REFERENCES directory.account (id),
    CONSTRAINT fk_api_token_revoked_by FOREIGN KEY(revoked_by) REFERENCES directory.account (id)
);

CREATE INDEX ix_api_token_tenant_id ON directory.api_token (tenant_id);

CREATE TABLE directory.attempt (
    kind VARCHAR NOT NULL,
    key BYTEA NOT NULL,
    count INTEGER NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_attempt PRIMARY KEY (kind, key)
);

CREATE TABLE second_factor (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    account_id UUID NOT NULL,
    secret_cipher BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    last_step BIGINT,
    CONSTRAINT pk_second_factor PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_second_factor_tenant_id_account_id UNIQUE (tenant_id, account_id),
    CONSTRAINT fk_second_factor_account_id FOREIGN KEY(account_id) REFERENCES directory.account (id)
);

CREATE TABLE recovery_code (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    hash BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_recovery_code PRIMARY KEY (tenant_id, account_id, hash),
    CONSTRAINT fk_recovery_code_account_id FOREIGN KEY(account_id) REFERENCES directory.account (id)
);
"""

CHANGES = """
ALTER TABLE directory.account
    ADD COLUMN language VARCHAR, ADD COLUMN theme VARCHAR NOT NULL DEFAULT 'auto',
    ADD COLUMN signed_in_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT ck_account_language CHECK (language in ('da', 'nb', 'en')),
    ADD CONSTRAINT ck_account_theme CHECK (theme in ('auto', 'light', 'dark'));
DROP INDEX directory.uq_membership_live;
ALTER TABLE directory.membership
    ADD COLUMN organisation_id UUID, ADD COLUMN origin VARCHAR NOT NULL DEFAULT 'command',
    ADD COLUMN reviewed_at TIMESTAMP WITH TIME ZONE, ADD COLUMN reviewed_by UUID,
    ADD CONSTRAINT ck_membership_origin CHECK (origin in ('command', 'invitation', 'claims')),
    ADD CONSTRAINT fk_membership_tenant_id_organisation_id FOREIGN KEY (tenant_id, organisation_id)
        REFERENCES directory.organisation (tenant_id, id),
    ADD CONSTRAINT fk_membership_reviewed_by FOREIGN KEY (reviewed_by) REFERENCES directory.account (id);
-- Roles that belong to a service, a club or a volunteer organisation could be given in a municipality until now.
UPDATE directory.membership m SET ended_at = now() FROM directory.tenant t WHERE t.id = m.tenant_id
    AND m.ended_at IS NULL AND t.kind = 'municipality'
    AND m.role IN ('referrer', 'club_treasurer', 'coordinator', 'volunteer');
CREATE UNIQUE INDEX uq_membership_live ON directory.membership (account_id, tenant_id, role, organisation_id)
    NULLS NOT DISTINCT WHERE ended_at IS NULL;
CREATE INDEX ix_membership_tenant ON directory.membership (tenant_id) WHERE ended_at IS NULL;
"""

FUNCTIONS = """
CREATE FUNCTION directory.acting() RETURNS uuid LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN nullif(current_setting('app.tenant', true), '')::uuid;

CREATE VIEW directory.live_membership WITH (security_invoker = true) AS
SELECT m.id, m.account_id, m.role, m.origin, m.created_at, m.reviewed_at, m.reviewed_by,
    t.id AS tenant_id, t.kind, t.code, t.name, t.country, t.time_zone, t.language,
    o.id AS organisation_id, o.kind AS organisation_kind, o.name AS organisation_name
FROM directory.membership m
JOIN directory.account a ON a.id = m.account_id AND a.disabled_at IS NULL
JOIN directory.tenant t ON t.id = m.tenant_id
LEFT JOIN directory.organisation o ON o.id = m.organisation_id
WHERE m.ended_at IS NULL AND o.ended_at IS NULL;

CREATE FUNCTION directory.fits_place() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE place text;
BEGIN
    SELECT coalesce(o.kind, t.kind) INTO place FROM directory.tenant t
    LEFT JOIN directory.organisation o ON o.id = NEW.organisation_id AND o.ended_at IS NULL
    WHERE t.id = NEW.tenant_id;
    IF NOT (CASE NEW.role
        WHEN 'referrer' THEN place = 'service'
        WHEN 'club_treasurer' THEN place = 'club'
        WHEN 'coordinator' THEN place = 'organisation'
        WHEN 'volunteer' THEN place = 'organisation'
        WHEN 'case_worker' THEN place = 'municipality'
        WHEN 'finance_officer' THEN place = 'municipality'
        ELSE place IN ('municipality', 'organisation')
    END) THEN
        RAISE EXCEPTION 'the role % does not belong to a %', NEW.role, place
            USING ERRCODE = 'check_violation', CONSTRAINT = 'role_fits_place';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fits_place BEFORE INSERT OR UPDATE OF role, tenant_id, organisation_id ON directory.membership
    FOR EACH ROW EXECUTE FUNCTION directory.fits_place();
CREATE TRIGGER fits_place BEFORE INSERT OR UPDATE OF role, tenant_id, organisation_id ON directory.invitation
    FOR EACH ROW EXECUTE FUNCTION directory.fits_place();

-- Organisations of the tenant that acts.

CREATE FUNCTION directory.add_organisation(a_kind text, a_number text, a_name text, at timestamptz) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.organisation (tenant_id, kind, number, name, created_at)
    VALUES (directory.acting(), a_kind, a_number, a_name, at) ON CONFLICT DO NOTHING RETURNING id;
END;

CREATE FUNCTION directory.list_organisations() RETURNS SETOF directory.organisation
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT * FROM directory.organisation WHERE tenant_id = directory.acting() ORDER BY kind, lower(name), id;
END;

CREATE FUNCTION directory.end_organisation(an_id uuid, by_account uuid, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.membership SET ended_at = at
    WHERE organisation_id = an_id AND tenant_id = directory.acting() AND ended_at IS NULL;
    UPDATE directory.invitation SET withdrawn_at = at WHERE organisation_id = an_id AND tenant_id = directory.acting()
        AND accepted_at IS NULL AND withdrawn_at IS NULL;
    UPDATE directory.api_token SET revoked_at = at, revoked_by = by_account
    WHERE organisation_id = an_id AND tenant_id = directory.acting() AND revoked_at IS NULL;
    WITH ended AS (
        UPDATE directory.organisation SET ended_at = at
        WHERE id = an_id AND tenant_id = directory.acting() AND ended_at IS NULL RETURNING 1
    ) SELECT count(*) > 0 FROM ended;
END;

-- Accounts and memberships.

DROP FUNCTION directory.add_membership(uuid, uuid, text, timestamptz);
CREATE FUNCTION directory.add_membership(
    an_account uuid, a_tenant uuid, an_organisation uuid, a_role text, an_origin text, at timestamptz
) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.membership (account_id, tenant_id, organisation_id, role, origin, created_at)
    VALUES (an_account, a_tenant, an_organisation, a_role, an_origin, at) ON CONFLICT DO NOTHING RETURNING id;
END;

CREATE FUNCTION directory.find_account(an_email text)
RETURNS TABLE (id uuid, email text, name text, language text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT a.id, a.email, a.name, a.language FROM directory.account a
    WHERE a.email = lower(an_email) AND a.disabled_at IS NULL;
END;

CREATE FUNCTION directory.set_preferences(an_account uuid, a_language text, a_theme text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.account SET language = a_language, theme = a_theme WHERE id = an_account;
END;

CREATE FUNCTION directory.places_of(an_account uuid) RETURNS SETOF directory.live_membership
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT * FROM directory.live_membership m WHERE m.account_id = an_account
    ORDER BY m.name, m.organisation_name NULLS FIRST, m.role;
END;

CREATE FUNCTION directory.list_members()
RETURNS TABLE (
    id uuid, account_id uuid, email text, name text, role text, organisation_id uuid, organisation_name text,
    origin text, created_at timestamptz, reviewed_at timestamptz, reviewed_by text, signed_in_at timestamptz,
    second_factor boolean
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.id, m.account_id, a.email, a.name, m.role, m.organisation_id, m.organisation_name, m.origin,
        m.created_at, m.reviewed_at, r.name, a.signed_in_at,
        EXISTS (SELECT FROM public.second_factor f WHERE f.account_id = a.id AND f.confirmed_at IS NOT NULL)
    FROM directory.live_membership m JOIN directory.account a ON a.id = m.account_id
    LEFT JOIN directory.account r ON r.id = m.reviewed_by
    WHERE m.tenant_id = directory.acting() ORDER BY lower(a.name), a.email, m.role, m.id;
END;

-- Of an account only what the tenant that acts has had to do with: for the trail and lists.
CREATE FUNCTION directory.account_names() RETURNS TABLE (id uuid, email text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT a.id, a.email, a.name FROM directory.account a
    JOIN directory.membership m ON m.account_id = a.id WHERE m.tenant_id = directory.acting();
END;

-- Ends a membership of the tenant that acts, or one's own. The tenant's row is locked, so that of two administrators
-- who end each other one stays.
CREATE FUNCTION directory.end_membership(an_id uuid, own_account uuid, at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE wanted directory.membership;
BEGIN
    SELECT m.* INTO wanted FROM directory.membership m
    WHERE m.id = an_id AND m.ended_at IS NULL
        AND CASE WHEN own_account IS NULL THEN m.tenant_id = directory.acting() ELSE m.account_id = own_account END;
    IF NOT FOUND THEN RETURN 'none'; END IF;
    PERFORM FROM directory.tenant t WHERE t.id = wanted.tenant_id FOR UPDATE;
    IF wanted.role = 'administrator' AND NOT EXISTS (
        SELECT FROM directory.live_membership m
        WHERE m.tenant_id = wanted.tenant_id AND m.role = 'administrator' AND m.id <> an_id
    ) THEN RETURN 'last_administrator'; END IF;
    UPDATE directory.membership m SET ended_at = at WHERE m.id = an_id AND m.ended_at IS NULL;
    RETURN CASE WHEN FOUND THEN 'ended' ELSE 'none' END;
END $$;

CREATE FUNCTION directory.review_memberships(the_ids uuid[], by_account uuid, at timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH reviewed AS (
        UPDATE directory.membership SET reviewed_at = at, reviewed_by = by_account
        WHERE id = ANY (the_ids) AND tenant_id = directory.acting() AND ended_at IS NULL RETURNING 1
    ) SELECT count(*) FROM reviewed;
END;

-- What claims gave in these tenants becomes what they say now; nothing else is touched.
CREATE FUNCTION directory.follow_claims(
    an_account uuid, covered uuid[], tenants uuid[], organisations uuid[], roles text[], at timestamptz
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.membership m SET ended_at = at
    WHERE m.account_id = an_account AND m.origin = 'claims' AND m.ended_at IS NULL AND m.tenant_id = ANY (covered)
        AND NOT EXISTS (
            SELECT FROM unnest(tenants, organisations, roles) AS claimed (tenant, organisation, role)
            WHERE claimed.tenant = m.tenant_id AND claimed.role = m.role
                AND claimed.organisation IS NOT DISTINCT FROM m.organisation_id);
    INSERT INTO directory.membership (account_id, tenant_id, organisation_id, role, origin, created_at)
    SELECT an_account, claimed.tenant, claimed.organisation, claimed.role, 'claims', at
    FROM unnest(tenants, organisations, roles) AS claimed (tenant, organisation, role)
    ON CONFLICT DO NOTHING;
END;

-- Invitations.

CREATE FUNCTION directory.add_invitation(
    a_hash bytea, an_email text, a_name text, a_role text, an_organisation uuid, by_account uuid, at timestamptz,
    until timestamptz
) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.invitation
        (hash, tenant_id, organisation_id, email, name, role, invited_by, created_at, expires_at)
    VALUES (a_hash, directory.acting(), an_organisation, lower(an_email), a_name, a_role, by_account, at, until)
    RETURNING id;
END;

CREATE FUNCTION directory.list_invitations() RETURNS TABLE (
    id uuid, email text, name text, role text, organisation_id uuid, organisation_name text, invited_by text,
    created_at timestamptz, expires_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.id, i.email, i.name, i.role, o.id, o.name, a.name, i.created_at, i.expires_at
    FROM directory.invitation i JOIN directory.account a ON a.id = i.invited_by
    LEFT JOIN directory.organisation o ON o.id = i.organisation_id
    WHERE i.tenant_id = directory.acting() AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL
    ORDER BY i.created_at, i.id;
END;

-- A new link for an open invitation, however old; the one before is worth nothing from now on.
CREATE FUNCTION directory.renew_invitation(an_id uuid, a_hash bytea, until timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH renewed AS (
        UPDATE directory.invitation SET hash = a_hash, expires_at = until
        WHERE id = an_id AND tenant_id = directory.acting() AND accepted_at IS NULL AND withdrawn_at IS NULL
        RETURNING 1
    ) SELECT count(*) > 0 FROM renewed;
END;

CREATE FUNCTION directory.withdraw_invitation(an_id uuid, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH withdrawn AS (
        UPDATE directory.invitation SET withdrawn_at = at
        WHERE id = an_id AND tenant_id = directory.acting() AND accepted_at IS NULL AND withdrawn_at IS NULL
        RETURNING 1
    ) SELECT count(*) > 0 FROM withdrawn;
END;

CREATE FUNCTION directory.find_invitation(a_hash bytea, at timestamptz) RETURNS TABLE (
    email text, name text, role text, tenant_id uuid, tenant_name text, language text, organisation_name text,
    invited_by text
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.email, i.name, i.role, t.id, t.name, t.language, o.name, a.name
    FROM directory.invitation i JOIN directory.tenant t ON t.id = i.tenant_id
    JOIN directory.account a ON a.id = i.invited_by
    LEFT JOIN directory.organisation o ON o.id = i.organisation_id
    WHERE i.hash = a_hash AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > at;
END;

-- Gives the account that has the role now, made where it is new; nothing for an unknown, used or expired link.
CREATE FUNCTION directory.accept_invitation(a_hash bytea, a_name text, at timestamptz)
RETURNS TABLE (account_id uuid, tenant_id uuid, organisation_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE taken directory.invitation;
BEGIN
    UPDATE directory.invitation i SET accepted_at = at
    WHERE i.hash = a_hash AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > at
    RETURNING i.* INTO taken;
    IF NOT FOUND THEN RETURN; END IF;
    account_id := directory.add_account(taken.email, a_name, at);
    IF NOT EXISTS (SELECT FROM directory.account a WHERE a.id = account_id AND a.disabled_at IS NULL) THEN RETURN; END IF;
    PERFORM directory.add_membership(
        account_id, taken.tenant_id, taken.organisation_id, taken.role, 'invitation', at);
    tenant_id := taken.tenant_id;
    organisation_id := taken.organisation_id;
    RETURN NEXT;
END $$;

-- Signing in.

CREATE FUNCTION directory.add_sign_in_link(
    a_hash bytea, an_account uuid, maker text, at timestamptz, until timestamptz
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM directory.sign_in_link WHERE account_id = an_account AND expires_at < at - interval '30 days';
    INSERT INTO directory.sign_in_link (hash, account_id, made_by, created_at, expires_at)
    VALUES (a_hash, an_account, maker, at, until);
END;

CREATE FUNCTION directory.use_sign_in_link(a_hash bytea, at timestamptz) RETURNS TABLE (account_id uuid, made_by text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.sign_in_link l SET used_at = at FROM directory.account a
    WHERE l.hash = a_hash AND l.used_at IS NULL AND l.expires_at > at
        AND a.id = l.account_id AND a.disabled_at IS NULL
    RETURNING l.account_id, l.made_by;
END;

CREATE FUNCTION directory.keep_provider_request(
    a_hash bytea, a_browser bytea, a_provider text, a_state text, a_nonce text, a_verifier text, at timestamptz,
    until timestamptz
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM directory.provider_request WHERE expires_at < at;
    INSERT INTO directory.provider_request (hash, browser, provider, state, nonce, verifier, expires_at)
    VALUES (a_hash, a_browser, a_provider, a_state, a_nonce, a_verifier, until);
END;

CREATE FUNCTION directory.take_provider_request(a_hash bytea, a_browser bytea, a_provider text, at timestamptz)
RETURNS TABLE (state text, nonce text, verifier text, expires_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM directory.provider_request r
    WHERE r.hash = a_hash AND r.browser = a_browser AND r.provider = a_provider AND r.expires_at > at
    RETURNING r.state, r.nonce, r.verifier, r.expires_at;
END;

CREATE FUNCTION directory.find_external_account(an_issuer text, a_subject text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.account_id FROM directory.external_identity e JOIN directory.account a ON a.id = e.account_id
    WHERE e.issuer = an_issuer AND e.subject = a_subject AND a.disabled_at IS NULL;
END;

CREATE FUNCTION directory.keep_external_identity(an_issuer text, a_subject text, an_account uuid, at timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.external_identity (issuer, subject, account_id, created_at)
    VALUES (an_issuer, a_subject, an_account, at);
END;

CREATE FUNCTION directory.add_session(
    a_hash bytea, an_account uuid, a_method text, an_agent text, strong boolean, at timestamptz, until timestamptz
) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM directory.sign_in_session
    WHERE account_id = an_account AND least(expires_at, ended_at) < at - interval '30 days';
    UPDATE directory.account SET signed_in_at = at WHERE id = an_account;
    INSERT INTO directory.sign_in_session
        (hash, account_id, method, agent, created_at, seen_at, expires_at, second_factor_at)
    VALUES (a_hash, an_account, a_method, an_agent, at, at, until, CASE WHEN strong THEN at END) RETURNING id;
END;

-- A session that lives, with its account, the place chosen (or the only one) and the roles there.
CREATE FUNCTION directory.use_session(a_hash bytea, at timestamptz, idle interval) RETURNS TABLE (
    session_id uuid, account_id uuid, email text, account_name text, account_language text, theme text, method text,
    second_factor_at timestamptz, second_factor boolean, all_roles text[], places bigint,
    tenant_id uuid, kind text, code text, name text, country text, time_zone text, language text,
    organisation_id uuid, organisation_kind text, organisation_name text, roles text[]
) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.sign_in_session s SET seen_at = at
    WHERE s.hash = a_hash AND s.ended_at IS NULL AND s.expires_at > at AND s.seen_at + idle > at
        AND s.seen_at < at - interval '1 minute';
    SELECT s.id, a.id, a.email, a.name, a.language, a.theme, s.method, s.second_factor_at,
        EXISTS (SELECT FROM public.second_factor f WHERE f.account_id = a.id AND f.confirmed_at IS NOT NULL),
        (SELECT array_agg(DISTINCT m.role) FROM directory.live_membership m WHERE m.account_id = a.id),
        (SELECT count(*) FROM (
            SELECT DISTINCT m.tenant_id, m.organisation_id FROM directory.live_membership m WHERE m.account_id = a.id
        ) AS every),
        mine.tenant_id, mine.kind, mine.code, mine.name, mine.country, mine.time_zone, mine.language,
        mine.organisation_id, mine.organisation_kind, mine.organisation_name, mine.roles
    FROM directory.sign_in_session s JOIN directory.account a ON a.id = s.account_id AND a.disabled_at IS NULL
    LEFT JOIN LATERAL (
        SELECT m.tenant_id, m.kind, m.code, m.name, m.country, m.time_zone, m.language, m.organisation_id,
            m.organisation_kind, m.organisation_name, array_agg(m.role ORDER BY m.role) AS roles,
            count(*) OVER () AS places
        FROM directory.live_membership m WHERE m.account_id = a.id
        GROUP BY m.tenant_id, m.kind, m.code, m.name, m.country, m.time_zone, m.language, m.organisation_id,
            m.organisation_kind, m.organisation_name
    ) AS mine ON mine.places = 1
        OR mine.tenant_id = s.tenant_id AND mine.organisation_id IS NOT DISTINCT FROM s.organisation_id
    WHERE s.hash = a_hash AND s.ended_at IS NULL AND s.expires_at > at AND s.seen_at + idle > at;
END;

CREATE FUNCTION directory.renew_session(an_id uuid, a_hash bytea, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.sign_in_session SET hash = a_hash, second_factor_at = at WHERE id = an_id AND ended_at IS NULL;
END;

CREATE FUNCTION directory.choose_place(an_id uuid, a_tenant uuid, an_organisation uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH chosen AS (
        UPDATE directory.sign_in_session s SET tenant_id = a_tenant, organisation_id = an_organisation
        WHERE s.id = an_id AND EXISTS (
            SELECT FROM directory.live_membership m WHERE m.account_id = s.account_id AND m.tenant_id = a_tenant
                AND m.organisation_id IS NOT DISTINCT FROM an_organisation)
        RETURNING 1
    ) SELECT count(*) > 0 FROM chosen;
END;

CREATE FUNCTION directory.list_sessions(an_account uuid, at timestamptz, idle interval)
RETURNS TABLE (id uuid, method text, agent text, created_at timestamptz, seen_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.id, s.method, s.agent, s.created_at, s.seen_at FROM directory.sign_in_session s
    WHERE s.account_id = an_account AND s.ended_at IS NULL AND s.expires_at > at AND s.seen_at + idle > at
    ORDER BY s.seen_at DESC, s.id;
END;

-- One session of an account, or with none named all of them.
CREATE FUNCTION directory.end_sessions(an_account uuid, an_id uuid, at timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH ended AS (
        UPDATE directory.sign_in_session SET ended_at = at
        WHERE account_id = an_account AND (an_id IS NULL OR id = an_id) AND ended_at IS NULL RETURNING 1
    ) SELECT count(*) FROM ended;
END;

-- Tokens.

CREATE FUNCTION directory.add_token(
    a_hash bytea, an_organisation uuid, a_name text, the_scopes text[], by_account uuid, at timestamptz,
    until timestamptz
) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.api_token (hash, tenant_id, organisation_id, name, scopes, created_by, created_at, expires_at)
    VALUES (a_hash, directory.acting(), an_organisation, a_name, the_scopes, by_account, at, until) RETURNING id;
END;

CREATE FUNCTION directory.list_tokens(an_organisation uuid) RETURNS TABLE (
    id uuid, name text, scopes text[], created_by text, created_at timestamptz, expires_at timestamptz,
    used_at timestamptz, revoked_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.name, k.scopes, a.name, k.created_at, k.expires_at, k.used_at, k.revoked_at
    FROM directory.api_token k LEFT JOIN directory.account a ON a.id = k.created_by
    WHERE k.tenant_id = directory.acting() AND k.organisation_id IS NOT DISTINCT FROM an_organisation
    ORDER BY k.revoked_at IS NOT NULL, k.created_at DESC, k.id;
END;

CREATE FUNCTION directory.revoke_token(an_id uuid, an_organisation uuid, by_account uuid, at timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH revoked AS (
        UPDATE directory.api_token SET revoked_at = at, revoked_by = by_account
        WHERE id = an_id AND tenant_id = directory.acting() AND organisation_id IS NOT DISTINCT FROM an_organisation
            AND revoked_at IS NULL RETURNING 1
    ) SELECT count(*) > 0 FROM revoked;
END;

CREATE FUNCTION directory.use_token(a_hash bytea, at timestamptz) RETURNS TABLE (
    token_id uuid, token_name text, scopes text[],
    tenant_id uuid, kind text, code text, name text, country text, time_zone text, language text,
    organisation_id uuid, organisation_kind text, organisation_name text
) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE directory.api_token k SET used_at = at
    WHERE k.hash = a_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > at)
        AND (k.used_at IS NULL OR k.used_at < at - interval '1 minute');
    SELECT k.id, k.name, k.scopes, t.id, t.kind, t.code, t.name, t.country, t.time_zone, t.language,
        o.id, o.kind, o.name
    FROM directory.api_token k JOIN directory.tenant t ON t.id = k.tenant_id
    LEFT JOIN directory.organisation o ON o.id = k.organisation_id
    WHERE k.hash = a_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > at)
        AND o.ended_at IS NULL;
END;

-- How often something was tried in the window, this time included.
CREATE FUNCTION directory.count_attempt(a_kind text, a_key bytea, at timestamptz, span interval) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM directory.attempt WHERE kind = a_kind AND since < at - interval '1 day' AND key <> a_key;
    INSERT INTO directory.attempt AS t (kind, key, count, since) VALUES (a_kind, a_key, 1, at)
    ON CONFLICT (kind, key) DO UPDATE SET
        count = CASE WHEN t.since <= at - span THEN 1 ELSE t.count + 1 END,
        since = CASE WHEN t.since <= at - span THEN at ELSE t.since END
    RETURNING t.count;
END;

CREATE FUNCTION directory.forget_attempts(a_kind text, a_key bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM directory.attempt WHERE kind = a_kind AND key = a_key;
END;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA directory FROM PUBLIC;
"""


def upgrade() -> None:
    # Here a colon is no bind parameter, but a lone percent sign would be a placeholder.
    for statements in (TABLES, CHANGES, FUNCTIONS):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in ("second_factor", "recovery_code"):
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON second_factor, recovery_code TO "{app}"')
    op.execute(f'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA directory TO "{app}"')
