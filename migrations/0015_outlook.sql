-- What the law says of a contact before any claim has looked at it, and of scheduled calls. Times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.law_outlook (
  source TINYINT NOT NULL COMMENT '0 = a contact of calls_spool, 1 = a scheduled call of calls_scheduler',
  id BIGINT UNSIGNED NOT NULL COMMENT 'of that row',
  campaign VARCHAR(128) NOT NULL,
  held_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'rule: docs/law.md',
  reason VARCHAR(255) NOT NULL DEFAULT '',
  from_utc DATETIME(3) NOT NULL COMMENT 'the rule holds from then on; later than now = it may be called until then',
  until_utc DATETIME(3) NULL DEFAULT NULL COMMENT 'NULL = it does not end by itself',
  judged_at DATETIME(3) NOT NULL COMMENT 'UTC; what has not changed since is not written anew',
  PRIMARY KEY (source, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: what the law says of every contact that waits, written by the engine round after round';

CREATE OR REPLACE VIEW ccdata.held_spool AS
  SELECT campaign, list, id, contact, destination, status,
    CASE rule WHEN 'law' THEN law WHEN 'own' THEN own ELSE rule END AS held_by,
    CASE rule WHEN 'law' THEN law_reason WHEN 'own' THEN own_reason WHEN 'retry' THEN own_reason
      WHEN 'black_list' THEN own_reason WHEN 'row' THEN own_reason
      WHEN 'settings' THEN IF(state = 'set_aside', state_reason, law_reason)
      WHEN 'turn' THEN IF(state = 'running', state_reason, '') ELSE '' END AS reason,
    CASE rule WHEN 'law' THEN law_until WHEN 'own' THEN IF(status = 1, own_until, NULL) WHEN 'retry' THEN own_until
      WHEN 'schedule' THEN state_until ELSE NULL END AS until_utc,
    CONVERT('contact' USING utf8mb4) COLLATE utf8mb4_unicode_ci AS kind
  FROM (
    SELECT s.campaign, s.dialerbase AS list, s.id, s.contact, s.destination, s.status,
      s.held_by AS own, s.reason AS own_reason, s.notbefore AS own_until,
      o.held_by AS law, o.reason AS law_reason, o.until_utc AS law_until,
      c.state, c.reason AS state_reason, c.until_utc AS state_until,
      CASE
        WHEN s.status <> 1 AND s.held_by <> '' THEN 'own'
        WHEN s.status = 3 THEN 'black_list'
        WHEN s.status <> 1 THEN 'row'
        WHEN o.id IS NOT NULL AND o.until_utc IS NULL AND o.held_by <> 'settings' THEN 'law'
        WHEN s.notbefore > UTC_TIMESTAMP(3) AND o.until_utc > s.notbefore THEN 'law'
        WHEN s.notbefore > UTC_TIMESTAMP(3) THEN IF(s.held_by = '', 'retry', 'own')
        WHEN d.campaign IS NULL THEN 'no_dialer'
        WHEN d.status = 0 THEN 'dialer_off'
        WHEN s.dialerbase <> '' AND NOT EXISTS (SELECT 1 FROM ccdata.dialer_base b
          WHERE b.campaign = s.campaign AND b.name = s.dialerbase AND b.active <> 0) THEN 'list_inactive'
        WHEN c.campaign IS NULL OR c.updated_at < UTC_TIMESTAMP(3) - INTERVAL 30 SECOND
          OR c.state IN ('stopped', 'disabled') THEN 'no_engine'
        WHEN c.state = 'set_aside' OR o.held_by = 'settings' THEN 'settings'
        WHEN c.state = 'off_schedule' AND (o.id IS NULL OR c.until_utc IS NULL OR c.until_utc >= o.until_utc)
          THEN 'schedule'
        WHEN o.id IS NOT NULL THEN 'law'
        WHEN s.agentphone <> '' AND LOWER(d.dialertype) IN ('preview', 'progressive') THEN 'agent'
        ELSE 'turn'
      END AS rule
    FROM ccdata.calls_spool s
    LEFT JOIN ccdata.dialers d ON d.campaign = s.campaign
    LEFT JOIN ccdata.campaign_state c ON c.campaign = s.campaign
    LEFT JOIN ccdata.law_outlook o ON o.source = 0 AND o.id = s.id AND o.campaign = s.campaign
      AND o.from_utc <= UTC_TIMESTAMP(3) AND (o.until_utc IS NULL OR o.until_utc > UTC_TIMESTAMP(3))
    WHERE s.status <> 0
  ) waiting;

CREATE OR REPLACE VIEW ccdata.held_scheduled AS
  SELECT campaign, CONVERT('' USING utf8mb4) COLLATE utf8mb4_unicode_ci AS list, id, contact, destination, CAST(NULL AS SIGNED) AS status,
    CASE rule WHEN 'law' THEN law ELSE rule END AS held_by,
    CASE rule WHEN 'law' THEN law_reason
      WHEN 'settings' THEN IF(state = 'set_aside', state_reason, law_reason)
      WHEN 'turn' THEN IF(state = 'running', state_reason, '') ELSE '' END AS reason,
    CASE rule WHEN 'law' THEN law_until WHEN 'scheduled' THEN at_utc WHEN 'schedule' THEN state_until
      ELSE NULL END AS until_utc,
    CONVERT('scheduled' USING utf8mb4) COLLATE utf8mb4_unicode_ci AS kind
  FROM (
    SELECT k.campaign, k.id, k.contact, k.destination, CONVERT_TZ(k.calldate, 'SYSTEM', '+00:00') AS at_utc,
      o.held_by AS law, o.reason AS law_reason, o.until_utc AS law_until,
      c.state, c.reason AS state_reason, c.until_utc AS state_until,
      CASE
        WHEN o.held_by = 'scheduled' OR (o.until_utc IS NULL AND o.held_by <> 'settings') THEN 'law'
        WHEN CONVERT_TZ(k.calldate, 'SYSTEM', '+00:00') > UTC_TIMESTAMP(3)
          THEN IF(o.held_by <> 'settings', 'law', 'scheduled')
        WHEN d.campaign IS NULL THEN 'no_dialer'
        WHEN d.status = 0 THEN 'dialer_off'
        WHEN c.campaign IS NULL OR c.updated_at < UTC_TIMESTAMP(3) - INTERVAL 30 SECOND
          OR c.state IN ('stopped', 'disabled') THEN 'no_engine'
        WHEN c.state = 'set_aside' OR o.held_by = 'settings' THEN 'settings'
        WHEN c.state = 'off_schedule' AND (o.id IS NULL OR c.until_utc IS NULL OR c.until_utc >= o.until_utc)
          THEN 'schedule'
        WHEN o.id IS NOT NULL THEN 'law'
        WHEN k.agentphone <> '' AND LOWER(d.dialertype) IN ('preview', 'progressive') THEN 'agent'
        ELSE 'turn'
      END AS rule
    FROM ccdata.calls_scheduler k
    LEFT JOIN ccdata.dialers d ON d.campaign = k.campaign
    LEFT JOIN ccdata.campaign_state c ON c.campaign = k.campaign
    LEFT JOIN ccdata.law_outlook o ON o.source = 1 AND o.id = k.id AND o.campaign = k.campaign
      AND o.from_utc <= UTC_TIMESTAMP(3) AND (o.until_utc IS NULL OR o.until_utc > UTC_TIMESTAMP(3))
  ) planned;

CREATE OR REPLACE VIEW ccdata.held_contacts AS
  SELECT campaign, list, id, contact, destination, status, held_by, reason, until_utc, kind
  FROM ccdata.held_spool
  UNION ALL
  SELECT campaign, list, id, contact, destination, status, held_by, reason, until_utc, kind
  FROM ccdata.held_scheduled;
