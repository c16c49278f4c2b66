-- What the 26 documented keys of a dialer cannot hold, and what people ask of single calls. Times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.dialer_options (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; a dialer without a row has the defaults',
  customer_first TINYINT NOT NULL DEFAULT 0 COMMENT '1 = Progressive calls the customer before his agent',
  agent_decides TINYINT NOT NULL DEFAULT 0 COMMENT '1 = TCPA: nothing is dialled before the agent says so',
  decision_time INT NOT NULL DEFAULT 30 COMMENT 's that the agent has to decide',
  later INT NOT NULL DEFAULT 60 COMMENT 'min until a contact comes again that the agent put off',
  machines VARCHAR(16) NOT NULL DEFAULT 'hangup' COMMENT 'answering machines: hangup, message (after the beep), agent',
  machine_sound VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'the message for machines',
  recording VARCHAR(16) NOT NULL DEFAULT 'none' COMMENT 'none, all, agents (those whom agent_options marks)',
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: what a dialer does beyond the documented settings';

CREATE TABLE IF NOT EXISTS ccdata.agent_options (
  agent VARCHAR(80) NOT NULL COMMENT 'user name or extension',
  recording TINYINT NOT NULL DEFAULT 0 COMMENT '1 = talks are recorded where the campaign says agents',
  PRIMARY KEY (agent)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: what holds for single agents';

CREATE TABLE IF NOT EXISTS ccdata.agent_acts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  acted_at DATETIME(3) NOT NULL,
  attempt CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  spool_id BIGINT UNSIGNED NOT NULL,
  contact VARCHAR(64) NOT NULL DEFAULT '',
  destination VARCHAR(64) NOT NULL,
  agent VARCHAR(80) NOT NULL COMMENT 'who decided',
  interface VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'the phone at which the agent sat',
  act VARCHAR(16) NOT NULL COMMENT 'dial, skip, later, timeout',
  reason VARCHAR(255) NOT NULL DEFAULT '',
  via VARCHAR(16) NOT NULL COMMENT 'key or order',
  PRIMARY KEY (id),
  UNIQUE KEY agent_acts_once (attempt),
  KEY agent_acts_campaign (campaign, acted_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='evidence: which agent decided what about which call, and when';

CREATE TABLE IF NOT EXISTS ccdata.orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  kind VARCHAR(16) NOT NULL COMMENT 'call, workflow, hangup, decide: docs/steering.md',
  campaign VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'call: the manual campaign it counts for',
  agent VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'user name',
  phone VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'the agent''s phone or extension',
  tech VARCHAR(16) NOT NULL DEFAULT 'SIP',
  context VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'call: where the agent''s phone dials; workflow: the flow',
  exten VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'workflow: its extension',
  callerid VARCHAR(80) NOT NULL DEFAULT '',
  destination VARCHAR(64) NOT NULL DEFAULT '',
  attempt VARCHAR(36) NOT NULL DEFAULT '' COMMENT 'decide: about which call; empty = the agent''s present one',
  act VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'decide: dial, skip, later',
  reason VARCHAR(255) NOT NULL DEFAULT '',
  variables TEXT NULL COMMENT 'workflow: a JSON object',
  status VARCHAR(8) NOT NULL DEFAULT 'new' COMMENT 'new, taken, done, failed',
  result VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'why it failed',
  guid CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'call: its guid, once taken',
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  done_at DATETIME(3) NULL,
  PRIMARY KEY (id),
  KEY orders_new (status, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='what people ask for single calls; answered within a second';

-- Contacts bound to an agent are looked for by agent.
ALTER TABLE ccdata.calls_spool
  ADD KEY calls_spool_agent (campaign, dialerbase, status, notbefore, agentphone, priority, shuffle);

CREATE OR REPLACE VIEW ccdata.portfolio AS
  SELECT campaign, agentphone AS agent, dialerbase AS list,
    SUM(status = 1) AS ready, SUM(status = 0) AS in_progress, SUM(status NOT IN (0, 1)) AS held_back
  FROM ccdata.calls_spool GROUP BY campaign, agentphone, dialerbase;

CREATE OR REPLACE VIEW ccdata.agent_screen AS
  SELECT a.agent, a.campaign, a.id AS attempt, a.state, a.claimed_at AS since, a.destination, a.contact,
    s.data, s.alternatives
  FROM ccdata.attempts a LEFT JOIN ccdata.calls_spool s ON s.id = a.spool_id
  WHERE a.state IN ('offered', 'held', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')
    AND a.agent <> '';
