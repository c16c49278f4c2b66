-- Why (not)? Every contact that is not being called, with what holds it and when that ends. Our own times are UTC.

ALTER TABLE ccdata.campaign_state
  ADD COLUMN until_utc DATETIME(3) NULL DEFAULT NULL COMMENT 'off_schedule: when the schedule opens' AFTER since;

CREATE OR REPLACE VIEW ccdata.held_contacts AS
  SELECT s.campaign, s.dialerbase AS list, s.id, s.contact, s.destination, s.status,
    CASE
      WHEN s.status = 3 THEN IF(s.held_by = '', 'black_list', s.held_by)
      WHEN s.status <> 1 THEN IF(s.held_by = '', 'row', s.held_by)
      WHEN s.notbefore > UTC_TIMESTAMP(3) THEN IF(s.held_by = '', 'retry', s.held_by)
      WHEN d.campaign IS NULL THEN 'no_dialer'
      WHEN d.status = 0 THEN 'dialer_off'
      WHEN s.dialerbase <> '' AND NOT EXISTS (SELECT 1 FROM ccdata.dialer_base b
        WHERE b.campaign = s.campaign AND b.name = s.dialerbase AND b.active <> 0) THEN 'list_inactive'
      WHEN c.campaign IS NULL OR c.updated_at < UTC_TIMESTAMP(3) - INTERVAL 30 SECOND OR c.state IN ('stopped', 'disabled')
        THEN 'no_engine'
      WHEN c.state = 'set_aside' THEN 'settings'
      WHEN c.state = 'off_schedule' THEN 'schedule'
      WHEN s.agentphone <> '' AND LOWER(d.dialertype) IN ('preview', 'progressive') THEN 'agent'
      ELSE 'turn'
    END AS held_by,
    CASE
      WHEN s.status <> 1 OR s.notbefore > UTC_TIMESTAMP(3) THEN s.reason
      WHEN c.state IN ('set_aside', 'running') THEN c.reason
      ELSE ''
    END AS reason,
    CASE
      WHEN s.status <> 1 THEN NULL
      WHEN s.notbefore > UTC_TIMESTAMP(3) THEN s.notbefore
      WHEN c.state = 'off_schedule' AND d.status <> 0 THEN c.until_utc
      ELSE NULL
    END AS until_utc
  FROM ccdata.calls_spool s
  LEFT JOIN ccdata.dialers d ON d.campaign = s.campaign
  LEFT JOIN ccdata.campaign_state c ON c.campaign = s.campaign
  WHERE s.status <> 0;
