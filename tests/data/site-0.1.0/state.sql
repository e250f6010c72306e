BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0007');
CREATE TABLE alert (
	id INTEGER NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	agency VARCHAR(64) NOT NULL, 
	building VARCHAR(128) NOT NULL, 
	meter VARCHAR(128) NOT NULL, 
	figures JSON NOT NULL, 
	opened_us BIGINT NOT NULL, 
	closed_us BIGINT, 
	told_us BIGINT, 
	CONSTRAINT pk_alert PRIMARY KEY (id), 
	CONSTRAINT uq_alert_key UNIQUE ("key")
);
CREATE TABLE artefact (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	form VARCHAR(8) NOT NULL, 
	lang VARCHAR(2) NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_artefact PRIMARY KEY (id), 
	CONSTRAINT fk_artefact_run_id FOREIGN KEY(run_id) REFERENCES run (id), 
	CONSTRAINT uq_artefact_run_id UNIQUE (run_id, form, lang)
);
INSERT INTO "artefact" VALUES(1,1,'csv','en','health/2026-11-27/r1/health_2026-11-27.en.csv',692,'359064796121cca925bb5bc6aa7885b6f63a3a0d61ab9bbc1802078bceaac7a8');
INSERT INTO "artefact" VALUES(2,1,'json','en','health/2026-11-27/r1/health_2026-11-27.json',72681,'ed9c0e610d2f652208d61df1d8425857c4482810113d8e7cf82b9e3b7c18cf57');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at_us BIGINT NOT NULL, 
	actor VARCHAR(64) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	detail JSON NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE TABLE baseline (
	id INTEGER NOT NULL, 
	building VARCHAR(128) NOT NULL, 
	first_day VARCHAR(10) NOT NULL, 
	last_day VARCHAR(10) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	version VARCHAR(32) NOT NULL, 
	model TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_baseline PRIMARY KEY (id), 
	CONSTRAINT uq_baseline_building UNIQUE (building, first_day, last_day, fingerprint)
);
CREATE TABLE counter (
	name VARCHAR(64) NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_counter PRIMARY KEY (name)
);
INSERT INTO "counter" VALUES('quarantine.kept',0);
INSERT INTO "counter" VALUES('quarantine.kept_bytes',0);
CREATE TABLE dismissal (
	id INTEGER NOT NULL, 
	building VARCHAR(128) NOT NULL, 
	rule VARCHAR(64) NOT NULL, 
	cost_thb_a_month FLOAT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_dismissal PRIMARY KEY (id), 
	CONSTRAINT uq_dismissal_building UNIQUE (building, rule)
);
CREATE TABLE gateway (
	id TEXT NOT NULL, 
	last_us BIGINT NOT NULL, 
	lag_us BIGINT NOT NULL, 
	window_us BIGINT NOT NULL, 
	skew_us BIGINT NOT NULL, 
	CONSTRAINT pk_gateway PRIMARY KEY (id)
);
CREATE TABLE identity (
	value VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_identity PRIMARY KEY (value)
);
INSERT INTO "identity" VALUES('db3a8d2edb5ec311');
CREATE TABLE lease (
	name VARCHAR(64) NOT NULL, 
	owner VARCHAR(128) NOT NULL, 
	until_us BIGINT NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
INSERT INTO "lease" VALUES('jobs','host:1:aaaaaa',1795799914863875);
CREATE TABLE meter_event (
	meter TEXT NOT NULL, 
	ts_us BIGINT NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	before_kwh FLOAT, 
	after_kwh FLOAT, 
	CONSTRAINT pk_meter_event PRIMARY KEY (meter, ts_us, kind)
);
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	channel VARCHAR(16) NOT NULL, 
	recipient VARCHAR(255) NOT NULL, 
	message JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	created_us BIGINT NOT NULL, 
	next_try_us BIGINT NOT NULL, 
	tries INTEGER NOT NULL, 
	sent_us BIGINT, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_outbox PRIMARY KEY (id), 
	CONSTRAINT uq_outbox_key UNIQUE ("key")
);
CREATE TABLE portfolio_entry (
	id INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	valid_from VARCHAR(10) NOT NULL, 
	valid_to VARCHAR(10), 
	body JSON, 
	CONSTRAINT pk_portfolio_entry PRIMARY KEY (id), 
	CONSTRAINT fk_portfolio_entry_revision FOREIGN KEY(revision) REFERENCES portfolio_revision (number), 
	CONSTRAINT uq_portfolio_entry_kind UNIQUE (kind, "key", valid_from, revision)
);
CREATE TABLE portfolio_revision (
	number INTEGER NOT NULL, 
	at_us BIGINT NOT NULL, 
	actor VARCHAR(64) NOT NULL, 
	why TEXT NOT NULL, 
	undoes INTEGER, 
	CONSTRAINT pk_portfolio_revision PRIMARY KEY (number), 
	CONSTRAINT fk_portfolio_revision_undoes FOREIGN KEY(undoes) REFERENCES portfolio_revision (number)
);
CREATE TABLE project (
	id VARCHAR(64) NOT NULL, 
	entry JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_project PRIMARY KEY (id)
);
INSERT INTO "project" VALUES('led-health','{"id": "led-health", "agency": "health", "building": "", "kind": "led", "name_th": "\u0e2b\u0e25\u0e2d\u0e14 health", "name_en": "LED health", "owner": "", "programme": "energy-action-plan", "budget_thb": 0.0, "expected_kwh": 1000.0, "due_year_be": 2570, "state": "surveyed", "done_on": null, "pv_meter": "", "note": ""}','surveyed',1795799849291139);
INSERT INTO "project" VALUES('led-education','{"id": "led-education", "agency": "education", "building": "", "kind": "led", "name_th": "\u0e2b\u0e25\u0e2d\u0e14 education", "name_en": "LED education", "owner": "", "programme": "energy-action-plan", "budget_thb": 0.0, "expected_kwh": 1000.0, "due_year_be": 2570, "state": "surveyed", "done_on": null, "pv_meter": "", "note": ""}','surveyed',1795799849291139);
CREATE TABLE project_step (
	id INTEGER NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	day VARCHAR(10) NOT NULL, 
	"by" VARCHAR(128) NOT NULL, 
	note TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_project_step PRIMARY KEY (id), 
	CONSTRAINT fk_project_step_project_id FOREIGN KEY(project_id) REFERENCES project (id)
);
INSERT INTO "project_step" VALUES(1,'led-health','surveyed','2026-11-27','','',1795799849291139);
INSERT INTO "project_step" VALUES(2,'led-education','surveyed','2026-11-27','','',1795799849291139);
CREATE TABLE proposal (
	id INTEGER NOT NULL, 
	at_us BIGINT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	why TEXT NOT NULL, 
	edits JSON NOT NULL, 
	from_day VARCHAR(10), 
	seen_revision INTEGER NOT NULL, 
	agencies JSON NOT NULL, 
	is_shared INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	decided_us BIGINT, 
	decided_by VARCHAR(64) NOT NULL, 
	note TEXT NOT NULL, 
	revision INTEGER, 
	CONSTRAINT pk_proposal PRIMARY KEY (id), 
	CONSTRAINT fk_proposal_revision FOREIGN KEY(revision) REFERENCES portfolio_revision (number)
);
CREATE TABLE quarantine (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	topic TEXT NOT NULL, 
	digest VARCHAR(32) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	stored_bytes BIGINT NOT NULL, 
	reason VARCHAR(32) NOT NULL, 
	detail TEXT NOT NULL, 
	received_us BIGINT NOT NULL, 
	times BIGINT NOT NULL, 
	readings BIGINT NOT NULL, 
	payload BLOB NOT NULL, 
	CONSTRAINT uq_quarantine_digest UNIQUE (digest)
);
CREATE TABLE request_answer (
	actor VARCHAR(64) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	answer JSON NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_request_answer PRIMARY KEY (actor, "key")
);
CREATE TABLE run (
	id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	agency VARCHAR(64) NOT NULL, 
	period VARCHAR(32) NOT NULL, 
	first_day VARCHAR(10) NOT NULL, 
	revision INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	due_us BIGINT NOT NULL, 
	next_try_us BIGINT NOT NULL, 
	tries INTEGER NOT NULL, 
	owner VARCHAR(128) NOT NULL, 
	lease_until_us BIGINT NOT NULL, 
	started_us BIGINT, 
	ended_us BIGINT, 
	duration_s FLOAT, 
	error TEXT NOT NULL, 
	figures JSON, 
	CONSTRAINT pk_run PRIMARY KEY (id), 
	CONSTRAINT uq_run_agency UNIQUE (agency, period, revision)
);
INSERT INTO "run" VALUES(1,'day','health','2026-11-27','2026-11-27',1,'done','',1795798800000000,1795798800000000,1,'host:1:aaaaaa',1795799913163129,1795799853163129,1795799854690688,1.527559,'','{"": [354.0, 0.25], "health.centre-1": [354.0, 1.0], "health.centre-2": [null, 0.0], "health.centre-3": [null, 0.0], "health.centre-4": [null, 0.0]}');
CREATE TABLE scenario (
	id INTEGER NOT NULL, 
	agency VARCHAR(64) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	wish JSON NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_scenario PRIMARY KEY (id)
);
INSERT INTO "scenario" VALUES(1,'health','kept of health','{"building": "health.centre-1", "kwp": "20"}','engineer',1795799849291139);
INSERT INTO "scenario" VALUES(2,'education','kept of education','{"building": "education.headquarters", "kwp": "20"}','engineer',1795799849291139);
CREATE TABLE session (
	key_hash VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	created_us BIGINT NOT NULL, 
	until_us BIGINT NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (key_hash), 
	CONSTRAINT fk_session_user_id FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE TABLE token (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	key_hash VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	scope VARCHAR(8) NOT NULL, 
	created_us BIGINT NOT NULL, 
	until_us BIGINT NOT NULL, 
	used_us BIGINT, 
	CONSTRAINT pk_token PRIMARY KEY (id), 
	CONSTRAINT fk_token_user_id FOREIGN KEY(user_id) REFERENCES user_account (id), 
	CONSTRAINT uq_token_key_hash UNIQUE (key_hash)
);
CREATE TABLE user_account (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	display VARCHAR(128) NOT NULL, 
	password_hash VARCHAR(255) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	agencies JSON NOT NULL, 
	language VARCHAR(2) NOT NULL, 
	must_change INTEGER NOT NULL, 
	disabled INTEGER NOT NULL, 
	created_us BIGINT NOT NULL, 
	failed INTEGER NOT NULL, 
	locked_until_us BIGINT NOT NULL, 
	CONSTRAINT pk_user_account PRIMARY KEY (id), 
	CONSTRAINT uq_user_account_name UNIQUE (name)
);
INSERT INTO "user_account" VALUES(1,'viewer-health','viewer-health','$argon2id$v=19$m=65536,t=3,p=4$q7rv6BmToADRmK1054/gfA$0i1/IS10G2ZCkChskFY/qPL99tn9UPueLOfskGZQQV0','viewer','["health"]','th',0,0,1795799849291139,0,0);
INSERT INTO "user_account" VALUES(2,'manager-health','manager-health','$argon2id$v=19$m=65536,t=3,p=4$/HU9QZ+V7ZpFsEqp4rGmuA$lp2bRzeO7FwIsuRQsoNrqwVWEmntl0chowHw6gvWUyY','manager','["health"]','th',0,0,1795799849291139,0,0);
INSERT INTO "user_account" VALUES(3,'engineer-health','engineer-health','$argon2id$v=19$m=65536,t=3,p=4$l7f+RmJgIHwPOUMUBwaBDA$QXZfppS75gja4kDsBSp765KqrWXbXPe4JJrbdz9nV9I','engineer','["health"]','th',0,0,1795799849291139,0,0);
INSERT INTO "user_account" VALUES(4,'admin-health','admin-health','$argon2id$v=19$m=65536,t=3,p=4$8dsWctu41qkAzq9DCJBU0A$+oZ9qXrZ5QwoyGog0Eb6kRV6oTkt0jjezf1a9DVof8E','admin','["health"]','th',0,0,1795799849291139,0,0);
INSERT INTO "user_account" VALUES(5,'admin','admin','$argon2id$v=19$m=65536,t=3,p=4$B1FuJfcmS8brU+KM+K29Jg$9q5lc+Xq+1EoQKZgciDaooBqrYkJtkhdJ2co/XUUjVc','admin','["all"]','th',0,0,1795799849291139,0,0);
CREATE INDEX ix_outbox_state ON outbox (state, next_try_us);
CREATE INDEX ix_run_state ON run (state, due_us);
CREATE INDEX ix_artefact_run_id ON artefact (run_id);
CREATE INDEX ix_project_step_project_id ON project_step (project_id);
CREATE INDEX ix_audit_at_us ON audit (at_us);
CREATE INDEX ix_session_user_id ON session (user_id);
CREATE INDEX ix_token_user_id ON token (user_id);
CREATE INDEX ix_scenario_agency ON scenario (agency);
CREATE INDEX ix_quarantine_reason ON quarantine (reason);
CREATE INDEX ix_meter_event_ts_us ON meter_event (ts_us);
CREATE INDEX ix_portfolio_entry_revision ON portfolio_entry (revision);
CREATE INDEX ix_request_answer_at_us ON request_answer (at_us);
DELETE FROM "sqlite_sequence";
COMMIT;
