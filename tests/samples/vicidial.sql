-- The columns of VICIdial 2.14 (extras/MySQL_AST_CREATE_tables.sql) that docs/from-vicidial.md reads.
CREATE TABLE vicidial_list (lead_id INT(9) UNSIGNED AUTO_INCREMENT PRIMARY KEY, status VARCHAR(6), list_id BIGINT(14) UNSIGNED,
  phone_code VARCHAR(10), phone_number VARCHAR(18) NOT NULL, first_name VARCHAR(30), last_name VARCHAR(30), city VARCHAR(50),
  state VARCHAR(2), alt_phone VARCHAR(12), `rank` SMALLINT(5) NOT NULL DEFAULT 0) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_lists (list_id BIGINT(14) UNSIGNED PRIMARY KEY, campaign_id VARCHAR(8)) ENGINE=MyISAM;
CREATE TABLE vicidial_callbacks (callback_id INT(9) UNSIGNED AUTO_INCREMENT PRIMARY KEY, lead_id INT(9) UNSIGNED,
  campaign_id VARCHAR(8), status VARCHAR(10), callback_time DATETIME, user VARCHAR(20), recipient ENUM('USERONLY','ANYONE')) ENGINE=MyISAM;
CREATE TABLE vicidial_dnc (phone_number VARCHAR(18) PRIMARY KEY NOT NULL) ENGINE=MyISAM;
CREATE TABLE vicidial_campaign_dnc (phone_number VARCHAR(18) NOT NULL, campaign_id VARCHAR(8) NOT NULL) ENGINE=MyISAM;
INSERT INTO vicidial_lists VALUES (101, 'SALES');
INSERT INTO vicidial_list (status, list_id, phone_code, phone_number, first_name, city, state, alt_phone, `rank`) VALUES
  ('NEW', 101, '1', '2125550101', 'Ann', 'New York', 'NY', '', 0),
  ('NA', 101, '1', '3055550102', 'José: the second', 'Miami', 'FL', '3055550103', 5),
  ('SALE', 101, '1', '2125550104', 'Sold', '', 'NY', '', 0),
  ('DNC', 101, '1', '2125550105', 'Never', '', 'NY', '', 0),
  ('NEW', 101, '1', 'unknown', 'Bad', '', 'NY', '', 0),
  ('CALLBK', 101, '1', '2125550106', 'Later', '', 'NY', '', 0),
  ('NEW', 101, NULL, '2125550107', 'Home', '', 'NY', '2125550108', 0),
  ('DNC', 101, NULL, '2125550111', 'Nobody', '', 'NY', '', 0);
INSERT INTO vicidial_callbacks (lead_id, campaign_id, status, callback_time, user, recipient) VALUES
  (6, 'SALES', 'ACTIVE', '2026-11-30 10:00:00', 'agent7', 'USERONLY'), (2, 'SALES', 'INACTIVE', '2026-11-30 10:00:00', '', 'ANYONE');
INSERT INTO vicidial_dnc VALUES ('2125550109'), ('201XXXXXXX');
INSERT INTO vicidial_campaign_dnc VALUES ('2125550110', 'SALES');
