BEGIN TRANSACTION;
CREATE TABLE acts (
	id INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	operator TEXT NOT NULL, 
	act VARCHAR(32) NOT NULL, 
	subject TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail JSON NOT NULL, 
	hash BLOB NOT NULL, 
	CONSTRAINT pk_acts PRIMARY KEY (id)
);
INSERT INTO "acts" VALUES(1,1767611400000,'operator','clock_retirement_ordered','clock 2','worn out','{}',X'CE38C45E1673DC9B4EB9442FD4C00EC4232695829B113E30448FD6E5BD28F685');
INSERT INTO "acts" VALUES(2,1767611400000,'tests','worker_changed','worker 1','','{"changed": ["language"]}',X'0A3731E2884608B99B1FAFB689D14C1D12625AFEEFABAFBFD2349210C56EA86F');
INSERT INTO "acts" VALUES(3,1767611403000,'operator','clock_settings_ordered','clock 8','','{"volume": 2}',X'32EFEE079BBBBBD399996DB8D225857225C01F1FF9F50F7F13436285718ABA30');
INSERT INTO "acts" VALUES(4,1767611403000,'operator','clock_ordered','clock 9','for the tests','{"command": "self-test"}',X'4DA81EDED8DDF64B53E4583D262CEBD3F774E46D07948A0E753F8D57C72F70EB');
INSERT INTO "acts" VALUES(5,1767611419000,'operator','presence_corrected','presence 1','it was another worker','{"code": "PLANNING", "before": {"state": "VALIDATED", "worker": 1, "site": 1, "way": ""}, "replacement": null, "after": {"worker": 4, "site": 1, "way": ""}}',X'650DB4731973DE1176ACB465B9E384BF4EAE2C91C0F355A0BD966613CFEF4F0B');
INSERT INTO "acts" VALUES(6,1767611436000,'operator','punch_closed','clock 1','it was declared by hand','{"seq": 5}',X'95D869EF7B2AF9E6139BE830E6CA63206C7540F1476978648BB45846B26FB656');
INSERT INTO "acts" VALUES(7,1767611436000,'operator','site_added','site 3','for the tests','{"after": {"name": "Yard 5", "workplace": "1Y1TEST00003Z", "regime": "meat", "time_zone": "Europe/Brussels", "address": {"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}, "latitude": 51.22, "longitude": 4.4, "languages": ["nl", "fr"], "longest_shift_h": 12, "night_hours": null, "next_regime": null, "regime_from": null}}',X'13AD960DE1823DF9BA534C886554F07F1E54EF19B6DCA13FD488A917970BFF9D');
INSERT INTO "acts" VALUES(8,1767611436000,'operator','token_made','token 1','for the tests','{"name": "planner", "scopes": ["planning:read", "planning:write", "presences:read", "status:read"], "days": 365}',X'FBB867F917C8A290ADED3654BC7982CFF4E74739ACD32A4D5075948CA67A1707');
INSERT INTO "acts" VALUES(9,1767611438000,'operator','token_revoked','token 1','for the tests','{"name": "planner"}',X'3C7A9CC73E0E842825DD0CFDBD2D3BE9FB5C5797FDF8284291D27E319F698CE7');
INSERT INTO "acts" VALUES(10,1767611436000,'operator','token_made','token 2','for the tests','{"name": "planner", "scopes": ["planning:read"], "days": 365, "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'329098316CB4BF81F9805A10E5C61F5233941D3F6E5242166AB085B409CA94A5');
INSERT INTO "acts" VALUES(11,1767611436000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": "2027-01-01", "to": "2027-01-01", "sites": ["Quay 7"]}}',X'2C81C085DB6205C1C0CCAAC8AE23B27DD37C9F7A384D08FF0BE6A637CA7E2EAD');
INSERT INTO "acts" VALUES(12,1767611436000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": null, "to": null, "sites": []}}',X'86C439E16C429240EFFDE3A735F9561C683826E4928312CE49FED630235AD52A');
INSERT INTO "acts" VALUES(13,1767611436000,'operator','presence_kept','presence 2','the worker was there','{"assumed": "no_in"}',X'B629AAB594A5B0BD44403EE580466FD3AD8CD5EBC5E3A19AD648833E3CC1F346');
INSERT INTO "acts" VALUES(14,1767611436000,'operator','presence_corrected','presence 7','it was another way','{"code": "PLANNING", "before": {"state": "QUEUED", "worker": 2, "site": 2, "way": "out"}, "replacement": 7, "after": {"worker": 2, "site": 2, "way": "in"}}',X'53E6DF798D7EF3F7D456B65593624ECA7F5DC20035CDA7F015CD41E14C17D5F1');
INSERT INTO "acts" VALUES(15,1767611452000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'7D544DC89255C32E924D95B581F4C3B36F8A8F24BD032ECE6CC6F654862231DD');
INSERT INTO "acts" VALUES(16,1767697852000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'79F23067ED9E7F78E9826FDA092CCFF8B9BD080C6CA2E930D1840C3A936E8023');
INSERT INTO "acts" VALUES(17,1767697852000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'6D4583B1343F1140039DC0DA8280577017A1CEBEB069A41581560B0B9056D7E4');
INSERT INTO "acts" VALUES(18,1767697852000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'C9249513182F3ACF23C8F4FDC7A5C1F75E5969514F49B062EA253969FA903E20');
INSERT INTO "acts" VALUES(19,1767697853000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'1DD4ED7C1A2FF9F7586ABBC1500F8B0ABF3548667A76E187DD928DCAFB876098');
INSERT INTO "acts" VALUES(20,1767697852000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'6350182673DF04EEDBCB6A8A1F09D5B1176F1F1BD713C911C0998D69B298708C');
INSERT INTO "acts" VALUES(21,1767697852000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'E16F1CF7DD4AD7D973BA7E0C5DE01D5B078CC83AE27C932B039AC7EA5047C314');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0016_grown');
CREATE TABLE api_tokens (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	secret_sha256 BLOB NOT NULL, 
	scopes JSON NOT NULL, 
	made_by TEXT NOT NULL, 
	made_ms BIGINT NOT NULL, 
	ends_ms BIGINT NOT NULL, 
	revoked_ms BIGINT, 
	used_ms BIGINT, reach JSON, 
	CONSTRAINT pk_api_tokens PRIMARY KEY (id)
);
INSERT INTO "api_tokens" VALUES(1,'planner',X'27DB7CCFC5E77217B299F169426A1EEA7673D333B906D2D81AE115731629CC2D','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611436000,1799147436000,1767611438000,1767611437000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'B68793A8D0AD3A4563EDC77C632BB09B55E4FE5D79E399213D4A7E1D895EA83F','["planning:read"]','operator',1767611436000,1799147436000,NULL,NULL,'{"sites": [1], "employers": [1]}');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	presence_id INTEGER NOT NULL, 
	call VARCHAR(32) NOT NULL, 
	request_hash BLOB NOT NULL, 
	sent_ms BIGINT NOT NULL, 
	answered_ms BIGINT, 
	outcome TEXT, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id)
);
INSERT INTO "attempts" VALUES(1,1,'e930a62f81015501',X'79FEC1089F0FB64007998FBF3212B617',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'e930a62f81015501',X'79FEC1089F0FB64007998FBF3212B617',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'e930a62f81015501',X'79FEC1089F0FB64007998FBF3212B617',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'b6f8ae7ad7b9b15c',X'06B30AA47EF55BB0F6271E8F1392FA58',1767611407000,1767611414000,'registered');
INSERT INTO "attempts" VALUES(5,5,'623971f2eeb342f0',X'B11D023AF1C2C168E667A091066C4594',1767611430000,1767611434000,'refused');
INSERT INTO "attempts" VALUES(6,7,'365eb0c54d364c33',X'A8B82AF7D1660C0B45E9AD45F94354E8',1767611440000,1767611447000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'1faecf4406185ad8',X'A8B82AF7D1660C0B45E9AD45F94354E8',1767611448000,1767611451000,'registered');
CREATE TABLE "badges" (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	token BLOB NOT NULL, 
	worker_id INTEGER NOT NULL, 
	since_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	engagement_id INTEGER, form SMALLINT, issue BLOB, card BLOB, token_before BLOB, 
	CONSTRAINT pk_badges PRIMARY KEY (id), 
	CONSTRAINT fk_badges_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_badges_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_badges_engagement_id FOREIGN KEY(engagement_id) REFERENCES engagements (id)
);
INSERT INTO "badges" VALUES(1,1,X'3CA31AD8EB399F2B',1,1767610800000,NULL,NULL,NULL,NULL,NULL,X'A4797DD069B0E4FD');
INSERT INTO "badges" VALUES(2,1,X'CA750852E215F1D3',2,1767610800000,NULL,NULL,NULL,NULL,NULL,X'7822EB2A95BAD765');
INSERT INTO "badges" VALUES(3,1,X'91E6AC2491F6D2B9',3,1767610800000,NULL,NULL,NULL,NULL,NULL,X'A7BE714731B02CDD');
INSERT INTO "badges" VALUES(4,1,X'64C8F626B422F204',2,1767611400000,1767611400000,NULL,NULL,NULL,NULL,X'61F03C3E11268842');
INSERT INTO "badges" VALUES(5,1,X'64C8F626B422F204',3,1767611400000,NULL,NULL,NULL,NULL,NULL,X'61F03C3E11268842');
INSERT INTO "badges" VALUES(6,2,X'A4797DD069B0E4FD',1,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "badges" VALUES(7,2,X'7822EB2A95BAD765',2,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "badges" VALUES(8,2,X'A7BE714731B02CDD',3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "badges" VALUES(9,1,X'DD70592E5F7C9D02',2,1767611436000,NULL,2,NULL,NULL,NULL,X'1D56AE37A4319B62');
INSERT INTO "badges" VALUES(10,1,X'0D39E145FEE6E892',4,1767611436000,NULL,NULL,NULL,NULL,NULL,X'B758A5194F3FE8D8');
INSERT INTO "badges" VALUES(11,1,X'44F03A989D5BFFAD',2,1767697852000,NULL,NULL,2,X'6973737565202031',X'9718A523122424C5',X'7B32FC5AF5EF5837');
CREATE TABLE clocks (
	id INTEGER NOT NULL, 
	name VARCHAR(23) NOT NULL, 
	site_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	certificate_sha256 VARCHAR(64), 
	link_key_closed BLOB NOT NULL, 
	next_seq BIGINT NOT NULL, 
	boot INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	epoch_records BIGINT NOT NULL, 
	keys_closed BLOB NOT NULL, 
	tag BLOB NOT NULL, 
	genesis BLOB NOT NULL, 
	failing_seq BIGINT, 
	failing_times INTEGER NOT NULL, 
	status_counter BLOB NOT NULL, 
	session BLOB, 
	online BOOLEAN NOT NULL, 
	sealed BOOLEAN NOT NULL, 
	status JSON, 
	status_ms BIGINT, 
	receipt_last BIGINT NOT NULL, 
	counter_reserved BIGINT NOT NULL, gap_seq BIGINT, gap_times INTEGER DEFAULT '0' NOT NULL, gap_since_ms BIGINT, held_reason VARCHAR(32), held_ms BIGINT, kept INTEGER DEFAULT '0' NOT NULL, ack_limit BIGINT, shown BIGINT, founded_anew BOOLEAN DEFAULT 0 NOT NULL, roster_version BIGINT DEFAULT '0' NOT NULL, roster_of BIGINT, roster_ms BIGINT, roster_told BIGINT, settings_version BIGINT DEFAULT '0' NOT NULL, settings_wanted JSON, settings_told BIGINT, settings_refused BIGINT, standing JSON, added_ms BIGINT, site_keys SMALLINT DEFAULT '1' NOT NULL, roster_keys SMALLINT DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_clocks PRIMARY KEY (id), 
	CONSTRAINT fk_clocks_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01306BEC9B10917C026C0AC27C7A255199883FC57BD051B2360B83089027D01B3B3CC9066D82856B5B0B3D03095485367EF552124812124CA6291F57E5',10,2,1,3,X'01484633405533C443EC3E4DFFD3F299D78909F7D771CAD2029B9A980567C7F4A5079289091EA3B6D7CA2264FA2E8692F2E90DFA06F60C399BC9F400BD90168644CCCF9AAE2B59F8A49F752DE3153A2A882A8EB02E53B803CA0F8DB7FD',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01DBDC16916D71A7B52F9BF588647B0F4584A3998299BC2FE20A92237AE523A454DBC850F354F7357501C2AE0ABCD7A293353FC97C453FF3A65F24EA3C',3,1,0,3,X'01576D85AFB1C0CA23E87F5B96F1A6CCA077874D0AF9FDC8B3AB0E760BCCBC4623957D03BE4407719E6F10C689EC244B270AA293D359003CD234F5D990EFA0E42A53D0A049A7BBA47E59CF149000F4867B154E0C18392180FCC19B2031',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'0147822ADB119EEFF661E8194BDA58F10D84F251D6E17D3E05BB94F318D614CA24DDA747B5D84F46363DCF7AE357A74119B5CE1BA49A63561D2230AFC4',3,1,0,3,X'016DEF03652C16A1E00CCAC3AF1A66AE13EEAA4AF1E7AAC39CF1DF9743',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01C81884B89F8D35FAD4CE1DD67855A06E130BA2618B2A5912144D4B29281B04124A0DCC5DE5175A87DF669EB7FC3137B7C241CE429ACD5A3765C1E096',2,1,0,2,X'017CE8E3C4955DC49715B9BE9E3413FC8699D14A89D7C835BFCEB95CBEE4E9ECE1A0C8A72DEDF85A065F144D484AD41FFC2AFE1C6EFFFDDC0425E88BA666EFEF7886110CE8C0C089D5F0D200FD3C6B612DF10AF397E46E1398B137D3A0',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01731473439C1DFC4149F0902E789D3E62A09D8D5DC178DACC75F2DE1D120C751CEA8354E3352FCD600EBA565CF6E05242FDF1DA4616E398D4A0576FE5',2,1,0,2,X'011508E1BB486B9453FBD99F00D6FD60D929F06E8DF821439AF92C4D43117C6B656659E67B2EC91FE17BEDA8CB7C5D1D3E2CA3BD7BDDCDDE2D638BA55CF9DFA5B76D3539D905448ED9FF1AAAB54B7E62B9412EDBB6524D4EF5531C5271',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0109AB61FB58534C3FD41500D1027CCA69A85306F0C79D54800C9451BB9C0AE10D9FD5A7005647716A0E658702882F1B4D77D7938DF9643F65F88B6581',2,1,0,2,X'011D1CC43C57272C65747600D2ADECBBB2E8F3DF66E591DB7B46BB986564CAE18FB15ACE5DC1639BCD1E2DF604A2F5775F168A860CBCB531453088B9A6E17402E00C14BB6F4F21D5B232756ED380EDA1220A51C4C572AEDDA0D43B923F',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01B236CEEFA96C92EA1BADA4EC15D43A65580244EF8F6A48552BB127D161392BFAE05E8AC0141DE908B7A8CC7404C5F08F3CE3C6655A4173F53C093279',3,1,0,3,X'01B0D60D70BB17726FB8221F814D93D85549F87F10DF6701551A68DB63A44857C0F830DE161C9F27718913F9B0A82F758CA7D557AA6DB8C18020CCD9CC9CC6B0ED28953593797575840493373B67C9111FD88A9E2AF41F6DC89FD4BB34',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01063241304DBA3DDF793759008A3D1B90607FFB9397CDE0D16B8547E1249C44AE49C62A616DF48EAD201691039D736595F6DC4F872BD2B1A82C4F8A7C',2,1,0,2,X'0109F1FEFE62BECE18E05A6FB2A9B11123F8A4407BAA62F4C76E4BA714E9AA645C9330B6C2F13554832479A84A9AD4419F4C906F313E4160E9466888DB68D534718199FE98CDDF6F01E382E865100381B4AC25B4B7AC2ADBA1712F2C0E',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01A30822B6C07CB30F95606408C77D1FC65401249610299208143538ED0C369C397C95F3C5A973F138FC4917E512329134A11D06ED9331BB6B22BCCE3A',2,1,0,2,X'0174F401A048CDD6C01CB6188239D7515ABE525C5982C1AE59BFF2806832101D544663D26DCCBCA7232C6AC7DFD4D43D1BAF4C1F2BE9C668ED97BB0B4768B56D649BDB2E3BDEB2DF6B074B813D7182B581E7C37202F30A52F8DB3CB946',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01311F075DA960C22151534ADF308449561A6D1A207A0A47AAAD0E4096CC3E2A6CA1E044FB82F12F3D85F4ADD280F24A282BF19DC7CD09534CD0D01123',5,1,0,5,X'014FD255516C5768769E376F47B4E08D849E6BF0801331CD2BB10E73A167EE8664949D508BD374BFAE69BE74FFC1E3A747B6F35EAF0442625FC0EC0CD9681C762E04B6AA0CBD522E7863CBD228A7DE38DC2E9BCC1EBAA111ED6B957484',X'2CDB038A5C41F9223167BA935C2A6CCE',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01E169C07559905E7AF504F4CDC56C75FD5FE31660F9E34E435382A8E602EF14E122A7E301E6FA001C2C31FB5C186332E7C84ACA3C1F7A09525DA5D49E',4,1,0,4,X'017E1D283BB7A18824CDE33549696044B02A795953ED8BF684909520FEBB57F529AD9CA1EBE10D53CC9063DCAF0A688DC8639AD6E5A3D89F1DE8400F099067ECD6DC23E766664D363D0B49FBF26201C46C17003B358F297702039D25B8',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611436000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01EAF21D923695072C4E501002DF65E90014BF25A50E2B40F06D7A80DF69DC781C5D230245675E39BCCE80EA3F51F8376C7F96955C989380198EF99B47',3,1,0,3,X'01F9B11E9FE8A9E0BC74A89090440EC7EB6DEF85B30DE009C2265BFD563B550B3828E8C55605AA52903930059B63A3A77D906D3C886B8AC0868F062A880A2C91B58A86A825D1420B83416D4A1FC8088C5291438AA0B8ACF2AEA689B89B',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697852000,1,1);
CREATE TABLE "corrections" (
	id INTEGER NOT NULL, 
	presence_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	worker_id INTEGER, 
	asked_ms BIGINT NOT NULL, 
	done_ms BIGINT, 
	outcome TEXT, 
	replacement_id INTEGER, 
	employer_kbo VARCHAR(10), 
	site_id INTEGER, 
	way VARCHAR(3), 
	CONSTRAINT pk_corrections PRIMARY KEY (id), 
	CONSTRAINT fk_corrections_replacement_id FOREIGN KEY(replacement_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_corrections_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "corrections" VALUES(1,1,'correct','PLANNING','it was another worker','operator',4,1767611419000,1767611429000,'replaced',5,'0438195916',1,NULL);
INSERT INTO "corrections" VALUES(2,7,'correct','PLANNING','it was another way','operator',2,1767611436000,1767611436000,'sent as corrected',7,'0438195916',2,'in');
CREATE TABLE desk_jobs (
	id INTEGER NOT NULL, 
	clock VARCHAR(23) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	worker TEXT, 
	asked_by TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	progress TEXT NOT NULL, 
	outcome JSON, 
	stop_asked BOOLEAN NOT NULL, 
	asked_ms BIGINT NOT NULL, 
	started_ms BIGINT, 
	ended_ms BIGINT, 
	CONSTRAINT pk_desk_jobs PRIMARY KEY (id)
);
INSERT INTO "desk_jobs" VALUES(1,'clock-0001','issue','W-002','operator','DONE','done','{"what": "the badge was issued", "kept": "", "do": "", "worker": null, "badge": 4, "card": null, "genuine": null}',0,1767611400000,1767611401000,1767611409000);
CREATE TABLE dimona_periods (
	id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_id INTEGER NOT NULL, 
	from_day DATE NOT NULL, 
	to_day DATE, 
	from_min SMALLINT, 
	to_min SMALLINT, 
	CONSTRAINT pk_dimona_periods PRIMARY KEY (id), 
	CONSTRAINT fk_dimona_periods_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_dimona_periods_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id)
);
INSERT INTO "dimona_periods" VALUES(1,2,1,'2027-01-01','2027-01-01',420,930);
CREATE TABLE employers (
	id INTEGER NOT NULL, 
	kbo VARCHAR(10) NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_employers PRIMARY KEY (id), 
	CONSTRAINT uq_employers_kbo UNIQUE (kbo)
);
INSERT INTO "employers" VALUES(1,'0438195916','Voorbeeld Bouw');
CREATE TABLE engagements (
	id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_id INTEGER NOT NULL, 
	from_day DATE, 
	to_day DATE, 
	site_ids JSON NOT NULL, 
	CONSTRAINT pk_engagements PRIMARY KEY (id), 
	CONSTRAINT fk_engagements_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_engagements_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id)
);
INSERT INTO "engagements" VALUES(1,2,1,'2027-01-01','2027-01-01','[1]');
INSERT INTO "engagements" VALUES(2,2,1,NULL,NULL,'[]');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	severity VARCHAR(8) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	clock TEXT, 
	seq BIGINT, 
	detail TEXT NOT NULL, 
	times INTEGER NOT NULL, 
	first_ms BIGINT NOT NULL, 
	last_ms BIGINT NOT NULL, about TEXT, settled_ms BIGINT, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,'info','badge_assigned',NULL,NULL,'a badge was given to W-001',2,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(2,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',4,1767610800000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(3,'info','badge_assigned',NULL,NULL,'a badge was given to W-003',3,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-1c72c3cd0ff0 of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-1df24abd406d: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
INSERT INTO "events" VALUES(8,'alarm','equivocation','clock-0002',2,'other bytes under the same number',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(9,'info','retirement_ordered','clock-0002',NULL,'ordered by operator: worn out',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(10,'info','clock_retired','clock-0003',NULL,'the clock wrote its last record and holds no key any more; its certificate is good until it is revoked',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(11,'info','badge_key_set',NULL,NULL,'the site Quay 7 has a badge key',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(12,'info','gap','clock-0004',NULL,'records before this one are missing; asked to send them',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(13,'warning','seal_failed','clock-0005',2,'tag',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(14,'warning','founded_anew','clock-0006',NULL,'another GENESIS came under this name: add the new bundle with `badgeclock bridge clock add`',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(15,'alarm','rollback','clock-0007',NULL,'the clock says next record 1, boot 2; the store has all below 3, and record 1 cannot be of that boot',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(16,'info','worker_changed',NULL,NULL,'language of worker W-001 changed by tests',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(17,'info','settings_ordered','clock-0008',NULL,'version 1 by operator: volume=2',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(18,'warning','settings_refused','clock-0008',NULL,'the clock refuses settings 1: settings.json: volume must be a whole number from 0 to 1',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(19,'info','order_given','clock-0009',NULL,'self-test ordered by operator: for the tests',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(20,'info','order_done','clock-0009',NULL,'self-test: passed',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(21,'warning','clock_unhealthy','clock-0001',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(22,'warning','clock_unhealthy','clock-0005',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(23,'warning','clock_unhealthy','clock-0007',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(24,'warning','clock_unhealthy','clock-0008',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(25,'warning','clock_unhealthy','clock-0009',NULL,'its reader says no-irq: it works; mend the wire at the next visit (docs/troubleshooting.md)',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-46384e0ea113: correct by operator: it was another worker',1,1767611419000,1767611419000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-46384e0ea113 was cancelled (PLANNING) for operator: it was another worker',1,1767611429000,1767611429000,'BC20260105-46384e0ea113',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-7636b8a5ce47: refused with code 5',1,1767611434000,1767611434000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-1c72c3cd0ff0: kept by operator: the worker was there',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-a7bf5b6c7b17: for a person: no_authority',1,1767697836000,1767697836000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-4918c817c643: correct by operator: it was another way',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611447000,1767611447000,'day+movement',1767611451000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611451000,1767611451000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-1df24abd406d: seen to, says operator: Limosa is right now',1,1767611452000,1767611452000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-329a87349ece: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697852000,1767697852000,'BC20260105-329a87349ece',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697853000,1767697853000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697852000,1767697852000,NULL,NULL);
CREATE TABLE expected (
	id INTEGER NOT NULL, 
	plan_id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	from_min SMALLINT, 
	to_min SMALLINT, 
	source VARCHAR(8) NOT NULL, 
	CONSTRAINT pk_expected PRIMARY KEY (id), 
	CONSTRAINT fk_expected_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id), 
	CONSTRAINT fk_expected_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_expected_plan_id_worker_id UNIQUE (plan_id, worker_id)
);
INSERT INTO "expected" VALUES(1,1,1,420,930,'planning');
CREATE TABLE filings (
	id INTEGER NOT NULL, 
	presence_id INTEGER, 
	punch_id INTEGER, 
	kind VARCHAR(8) NOT NULL, 
	worker_id INTEGER, 
	employer_kbo VARCHAR(10), 
	site_id INTEGER, 
	way VARCHAR(3), 
	day DATE NOT NULL, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	asked_ms BIGINT NOT NULL, 
	made_ms BIGINT, 
	done_ms BIGINT, 
	outcome TEXT, 
	CONSTRAINT pk_filings PRIMARY KEY (id), 
	CONSTRAINT fk_filings_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_filings_punch_id FOREIGN KEY(punch_id) REFERENCES punches (id), 
	CONSTRAINT fk_filings_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_filings_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "filings" VALUES(1,4,NULL,'correct',1,'0438195916',2,'out','2026-01-05','found on the next day','operator',1767697852000,1767697852000,NULL,NULL);
INSERT INTO "filings" VALUES(2,NULL,13,'declare',3,'',1,'','2026-01-04','found on the next day','operator',1767697852000,1767697852000,1767697853000,'answered: its letter came');
CREATE TABLE orders (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	command SMALLINT NOT NULL, 
	given_by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	given_ms BIGINT NOT NULL, 
	sent_ms BIGINT, 
	times_sent INTEGER NOT NULL, 
	done_ms BIGINT, 
	outcome TEXT, boot INTEGER, report JSON, 
	CONSTRAINT pk_orders PRIMARY KEY (id), 
	CONSTRAINT fk_orders_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id)
);
INSERT INTO "orders" VALUES(1,2,5,'operator','worn out',1767611400000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(2,9,2,'operator','for the tests',1767611403000,1767611403000,1,1767611403000,'passed',1,'{"reader": "good", "flash": "good", "seal": "good", "display": "good", "rtc": "good"}');
CREATE TABLE plans (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	day DATE NOT NULL, 
	put_ms BIGINT NOT NULL, 
	CONSTRAINT pk_plans PRIMARY KEY (id), 
	CONSTRAINT fk_plans_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT uq_plans_site_id_day UNIQUE (site_id, day)
);
INSERT INTO "plans" VALUES(1,1,'2027-01-01',1767697852000);
CREATE TABLE presence_counts (
	id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_presence_counts PRIMARY KEY (id)
);
INSERT INTO "presence_counts" VALUES(1,'QUEUED',0);
INSERT INTO "presence_counts" VALUES(2,'SENT',0);
INSERT INTO "presence_counts" VALUES(3,'UNKNOWN',0);
INSERT INTO "presence_counts" VALUES(4,'REGISTERED',1);
INSERT INTO "presence_counts" VALUES(5,'VALIDATED',2);
INSERT INTO "presence_counts" VALUES(6,'REMARKS',1);
INSERT INTO "presence_counts" VALUES(7,'CANCELLING',0);
INSERT INTO "presence_counts" VALUES(8,'CANCELLED',1);
INSERT INTO "presence_counts" VALUES(9,'REFUSED',1);
INSERT INTO "presence_counts" VALUES(10,'WAITING',1);
CREATE TABLE "presences" (
	id INTEGER NOT NULL, 
	reference VARCHAR(24) NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_kbo VARCHAR(10) NOT NULL, 
	workplace VARCHAR(13) NOT NULL, 
	day DATE NOT NULL, 
	site_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(16), 
	reception_number BIGINT, 
	error_code SMALLINT NOT NULL, 
	error_text TEXT, 
	remarks JSON NOT NULL, 
	tries INTEGER NOT NULL, 
	alone BOOLEAN NOT NULL, 
	due_ms BIGINT, 
	created_ms BIGINT NOT NULL, 
	sent_ms BIGINT, 
	lost_ms BIGINT, 
	registered_ms BIGINT, 
	final_ms BIGINT, 
	declared VARCHAR(8) DEFAULT 'day' NOT NULL, 
	moment_ms BIGINT DEFAULT '0' NOT NULL, 
	way VARCHAR(3) DEFAULT '' NOT NULL, 
	sent_identity BLOB, 
	decided_ms BIGINT, assumed VARCHAR(16), kept_ms BIGINT, seen_ms BIGINT, 
	CONSTRAINT pk_presences PRIMARY KEY (id), 
	CONSTRAINT uq_presences_reference UNIQUE (reference), 
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_presences_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id)
);
INSERT INTO "presences" VALUES(1,'BC20260105-46384e0ea113',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611429000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(2,'BC20260105-1c72c3cd0ff0',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611436000,NULL);
INSERT INTO "presences" VALUES(3,'BC20260105-1df24abd406d',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611452000);
INSERT INTO "presences" VALUES(4,'BC20260105-329a87349ece',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654619000,1767611403000,1767611407000,NULL,1767611414000,1767611419000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(5,'BC20260105-7636b8a5ce47',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611429000,1767611430000,NULL,NULL,1767611434000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611429000,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(6,'BC20260105-a7bf5b6c7b17',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611436000,NULL,NULL,NULL,1767697836000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(7,'BC20260105-4918c817c643',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611453000,1767611436000,1767611448000,NULL,1767611451000,NULL,'movement',1767611436000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611436000,NULL,NULL,NULL);
CREATE TABLE punches (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	site_id INTEGER NOT NULL, 
	token BLOB NOT NULL, 
	direction SMALLINT NOT NULL, 
	utc_ms BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(16), 
	worker_id INTEGER, 
	presence_id INTEGER, 
	received_ms BIGINT NOT NULL, 
	CONSTRAINT pk_punches PRIMARY KEY (id), 
	CONSTRAINT fk_punches_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id), 
	CONSTRAINT fk_punches_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_punches_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_punches_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_punches_clock_id_seq UNIQUE (clock_id, seq)
);
INSERT INTO "punches" VALUES(1,1,2,1,X'A4797DD069B0E4FD',1,1767610800000,'DECLARED',NULL,4,5,1767610800000);
INSERT INTO "punches" VALUES(2,1,3,1,X'7822EB2A95BAD765',2,1767610800000,'DECLARED',NULL,2,2,1767610800000);
INSERT INTO "punches" VALUES(3,1,4,1,X'A7BE714731B02CDD',1,1767610800000,'DECLARED',NULL,3,3,1767610800000);
INSERT INTO "punches" VALUES(4,1,5,1,X'1D56AE37A4319B62',1,1767610800000,'CLOSED',NULL,NULL,NULL,1767610800000);
INSERT INTO "punches" VALUES(5,1,9,1,X'A4797DD069B0E4FD',2,1767610800000,'DECLARED',NULL,4,5,1767611400000);
INSERT INTO "punches" VALUES(6,2,2,1,X'7822EB2A95BAD765',1,1767610800000,'DECLARED',NULL,2,2,1767611400000);
INSERT INTO "punches" VALUES(7,7,2,1,X'A4797DD069B0E4FD',1,1767610800000,'DECLARED',NULL,4,5,1767611400000);
INSERT INTO "punches" VALUES(8,10,2,2,X'A4797DD069B0E4FD',1,1767611403000,'DECLARED',NULL,1,4,1767611403000);
INSERT INTO "punches" VALUES(9,10,3,2,X'7822EB2A95BAD765',1,1767611403000,'DECLARED',NULL,2,6,1767611436000);
INSERT INTO "punches" VALUES(10,11,2,1,X'B758A5194F3FE8D8',1,1767610800000,'DECLARED',NULL,4,5,1767611436000);
INSERT INTO "punches" VALUES(11,11,3,1,X'7822EB2A95BAD765',1,0,'WAITING','no_time',2,NULL,1767611436000);
INSERT INTO "punches" VALUES(12,10,4,2,X'7822EB2A95BAD765',2,1767611436000,'DECLARED',NULL,2,7,1767611436000);
INSERT INTO "punches" VALUES(13,12,2,1,X'A7BE714731B02CDD',1,1767524400000,'CLOSED','late',3,NULL,1767697852000);
CREATE TABLE quarantine (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	seq BIGINT, 
	raw BLOB NOT NULL, 
	sha256 BLOB NOT NULL, 
	reason VARCHAR(32) NOT NULL, 
	received_ms BIGINT NOT NULL, 
	CONSTRAINT pk_quarantine PRIMARY KEY (id), 
	CONSTRAINT fk_quarantine_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id), 
	CONSTRAINT uq_quarantine_clock_id_sha256 UNIQUE (clock_id, sha256)
);
INSERT INTO "quarantine" VALUES(1,2,2,X'010300010000000200010000695B99B000000150000013881D56AE37A4319B62000000000000000000000000000000006E08B65C8AA53F56F1EA0C95ABCB9A63',X'7B72392E029985B903E22FD757178174655573ACF716B15B22464684C5160A39','equivocation',1767611400000);
CREATE TABLE receipts (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	state SMALLINT NOT NULL, 
	error_code SMALLINT NOT NULL, 
	reception_number BIGINT NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY (id), 
	CONSTRAINT fk_receipts_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id), 
	CONSTRAINT uq_receipts_clock_id_number UNIQUE (clock_id, number)
);
INSERT INTO "receipts" VALUES(1,1,1,5,3,0,0,1767610800000);
INSERT INTO "receipts" VALUES(2,1,2,2,1,0,100000000001,1767610817000);
INSERT INTO "receipts" VALUES(3,1,3,3,1,1,100000000002,1767610817000);
INSERT INTO "receipts" VALUES(4,1,4,4,1,0,100000000003,1767610817000);
INSERT INTO "receipts" VALUES(5,1,5,2,4,0,100000000001,1767610817000);
INSERT INTO "receipts" VALUES(6,1,6,3,4,1,100000000002,1767610817000);
INSERT INTO "receipts" VALUES(7,1,7,4,5,0,100000000003,1767610817000);
INSERT INTO "receipts" VALUES(8,10,1,2,1,0,100000000004,1767611414000);
INSERT INTO "receipts" VALUES(9,10,2,2,4,0,100000000004,1767611419000);
INSERT INTO "receipts" VALUES(10,1,8,2,2,5,0,1767611434000);
INSERT INTO "receipts" VALUES(11,1,9,9,2,5,0,1767611434000);
INSERT INTO "receipts" VALUES(12,7,1,2,2,5,0,1767611434000);
INSERT INTO "receipts" VALUES(13,1,10,5,6,0,0,1767611436000);
INSERT INTO "receipts" VALUES(14,11,1,2,2,5,0,1767611436000);
INSERT INTO "receipts" VALUES(15,11,2,3,6,0,0,1767611436000);
INSERT INTO "receipts" VALUES(16,10,3,3,6,0,0,1767697836000);
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611451000);
INSERT INTO "receipts" VALUES(18,12,1,2,6,0,0,1767697852000);
INSERT INTO "receipts" VALUES(19,12,2,2,6,0,0,1767697853000);
CREATE TABLE receptions (
	id INTEGER NOT NULL, 
	presence_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	seen_ms BIGINT NOT NULL, 
	CONSTRAINT pk_receptions PRIMARY KEY (id), 
	CONSTRAINT fk_receptions_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT uq_receptions_presence_id_number UNIQUE (presence_id, number)
);
INSERT INTO "receptions" VALUES(1,1,100000000001,1767610817000);
INSERT INTO "receptions" VALUES(2,2,100000000002,1767610817000);
INSERT INTO "receptions" VALUES(3,3,100000000003,1767610817000);
INSERT INTO "receptions" VALUES(4,4,100000000004,1767611414000);
INSERT INTO "receptions" VALUES(5,7,100000000005,1767611451000);
CREATE TABLE records (
	clock_id INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	raw BLOB NOT NULL, 
	sealed BOOLEAN NOT NULL, 
	received_ms BIGINT NOT NULL, 
	CONSTRAINT pk_records PRIMARY KEY (clock_id, seq), 
	CONSTRAINT fk_records_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id)
)
 WITHOUT ROWID

;
INSERT INTO "records" VALUES(1,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000008535B1EAED980733763AD05E5614A6F8CA28B540FDD4569E',1,1767610800000);
INSERT INTO "records" VALUES(1,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000F9CD8287D9CF26F1B06D07CE7B1E52B3',1,1767610800000);
INSERT INTO "records" VALUES(1,2,X'010300010000000200010000695B99B00000015000001388A4797DD069B0E4FD0000000000000000000000000000000090B03DEF6B933EED59AA1E9AA3AE1820',1,1767610800000);
INSERT INTO "records" VALUES(1,3,X'010300020000000300010000695B99B000000150000013887822EB2A95BAD765000000000000000000000000000000005553E8C2E9E036C4F1238624C5CCB1CE',1,1767610800000);
INSERT INTO "records" VALUES(1,4,X'010300010000000400010000695B99B00000015000001388A7BE714731B02CDD000000000000000000000000000000008EE0D5ABA55D6B344DE5045A80EA1962',1,1767610800000);
INSERT INTO "records" VALUES(1,5,X'010300010000000500010000695B99B000000150000013881D56AE37A4319B6200000000000000000000000000000000ED83C172A2D5517A7D1D18A6BF1D6551',1,1767610800000);
INSERT INTO "records" VALUES(1,6,X'010500000000000600010000695B99B00000015000001388000000000000000000000000000000000000000700004FEAE87F412A5584424C1A6C42CAA42C7889',1,1767611400000);
INSERT INTO "records" VALUES(1,8,X'010200000000000800020001695B99B00000015000001388000000000000000000000000000000000101000000000000F7C60B718A0F9BC60B4E5ED287141147',1,1767611400000);
INSERT INTO "records" VALUES(1,9,X'010300020000000900020001695B99B00000015000001388A4797DD069B0E4FD00000000000000000000000000000000B87F3097EBF4A0E46BDEC813A0B238B9',1,1767611400000);
INSERT INTO "records" VALUES(2,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094F18BFC2F87D0290BE98DE65107ADBF0E23F1301FC9BED4',1,1767611400000);
INSERT INTO "records" VALUES(2,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000246233A8660819181C6885A4B1555BAA',1,1767611400000);
INSERT INTO "records" VALUES(2,2,X'010300010000000200010000695B99B000000150000013887822EB2A95BAD76500000000000000000000000000000000E1805B1A42EAFA56E7BA7AFB184EE160',1,1767611400000);
INSERT INTO "records" VALUES(3,0,X'010100000000000000000000695B99B0000001500000138801020304050607080000000000000000DB8F158B84CF5C6566692F304CBB0D38C1BBA268B9EB95C0',1,1767611400000);
INSERT INTO "records" VALUES(3,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000007F9F8F5A96EBD2BA5993C22593DB8980',1,1767611400000);
INSERT INTO "records" VALUES(3,2,X'010A00000000000200010000695B99B00000015000001388000000000000000000000000000000000000000000000000A40D74E939FC4BE257C25F256DA1231D',1,1767611400000);
INSERT INTO "records" VALUES(4,0,X'010100000000000000000000695B99B0000001500000138801020304050607080000000000000000ED9092C420F3EDAF933EC6A6DB65AD269021AF246CE7806E',1,1767611400000);
INSERT INTO "records" VALUES(4,1,X'010200000000000100010000695B99B0000001500000138800000000000000000000000000000000010000000000000003F2C37C9F874E04283287C9306F0605',1,1767611400000);
INSERT INTO "records" VALUES(5,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000000C1022A7FE8FCB907767C29EACDCBD3F279303124DFB6CF6',1,1767611400000);
INSERT INTO "records" VALUES(5,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002CAA4041EBD9CC614628B26D7B8F5D7A',1,1767611400000);
INSERT INTO "records" VALUES(6,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000005888F48C0AE3B2C4CFE8C5F0EFAB89E78A5C4C99EC50700D',1,1767611400000);
INSERT INTO "records" VALUES(6,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000FE2E38D6892B533D9FF24A5C4EB3223C',1,1767611400000);
INSERT INTO "records" VALUES(7,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000059565D0EB4D61818E990A99C3CD46A50FFA5C9AB16E5AFD3',1,1767611400000);
INSERT INTO "records" VALUES(7,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000008D177DC1C32003FD706E6F109EBC5958',1,1767611400000);
INSERT INTO "records" VALUES(7,2,X'010300010000000200010000695B99B00000015000001388A4797DD069B0E4FD00000000000000000000000000000000493FD291850A354DB11228F571B70795',1,1767611400000);
INSERT INTO "records" VALUES(8,0,X'010100000000000000000000695B99B0000001500000138801020304050607080000000000000000913A272CFE16096F245D1CB00454704DBB90BB133AAC09D0',1,1767611400000);
INSERT INTO "records" VALUES(8,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000D4019AD37F541434D68C66DA3FC5D555',1,1767611400000);
INSERT INTO "records" VALUES(9,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000002404A790FFCB6470247813021AB1B8FF06B685FB2B7C50F7',1,1767611403000);
INSERT INTO "records" VALUES(9,1,X'010200000000000100010000695B99B0000001500000138800000000000000000000000000000000010000000000000007162ED40A0F5B3BF48805FE2427D03F',1,1767611403000);
INSERT INTO "records" VALUES(10,0,X'010100000000000000000000695B9C0B0000015000001388010203040506070800000000000000006584114A8BDF8652B08382CDC0A41AF4A860DA10C38C5433',1,1767611403000);
INSERT INTO "records" VALUES(10,1,X'010200000000000100010000695B9C0B0000015000001388000000000000000000000000000000000100000000000000C223CC39DF0D50006694475BD265494C',1,1767611403000);
INSERT INTO "records" VALUES(10,2,X'010300010000000200010000695B9C0B0000015000001388A4797DD069B0E4FD0000000000000000000000000000000002A6F31B48A249B1593A9FD53EB9802A',1,1767611403000);
INSERT INTO "records" VALUES(10,3,X'010300010000000300010000695B9C0B00000150000013887822EB2A95BAD765000000000000000000000000000000006AB54D14906E661A615639DB87976077',1,1767611436000);
INSERT INTO "records" VALUES(10,4,X'010300020000000400010000695B9C2C00000150000013887822EB2A95BAD765000000000000000000000000000000002CDB038A5C41F9223167BA935C2A6CCE',1,1767611436000);
INSERT INTO "records" VALUES(11,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094A7D4AA412496FB741605823E7C79CCA12CF23F99EFF3B4',1,1767611436000);
INSERT INTO "records" VALUES(11,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002E7B5AEF35AFA70EF4F4172379246832',1,1767611436000);
INSERT INTO "records" VALUES(11,2,X'010300010000000200010000695B99B00000015000001388B758A5194F3FE8D80000000000000000000000000000000007E0CD78D5AD47A37AD0E9808384D060',1,1767611436000);
INSERT INTO "records" VALUES(11,3,X'0103000100000003000100000000000000000150000013887822EB2A95BAD76500000000000000000000000000000000960B1CE5DAA473F820A09926162B162D',1,1767611436000);
INSERT INTO "records" VALUES(12,0,X'010100000000000000000000695A4830000001500000138801020304050607080000000000000000C7659B6578E3DF1DEEFA78A38BAFB9DC5646D4EBC51B65AB',1,1767697852000);
INSERT INTO "records" VALUES(12,1,X'010200000000000100010000695A48300000015000001388000000000000000000000000000000000100000000000000F68E40F27DF82C597028CA6DB60BCDCB',1,1767697852000);
INSERT INTO "records" VALUES(12,2,X'010300010000000200010000695A48300000015000001388A7BE714731B02CDD00000000000000000000000000000000F643F91CFF0AECF0FABCC66CE3CEB0C0',1,1767697852000);
CREATE TABLE "sites" (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	workplace VARCHAR(13) NOT NULL, 
	regime VARCHAR(16) NOT NULL, 
	time_zone TEXT NOT NULL, 
	site_key_closed BLOB, 
	badge_root_closed BLOB, 
	roster_changes BIGINT DEFAULT '0' NOT NULL, 
	roster_changed_ms BIGINT, 
	address JSON, 
	latitude FLOAT, 
	longitude FLOAT, 
	languages JSON, next_regime VARCHAR(16), regime_from DATE, longest_shift_h SMALLINT DEFAULT '12' NOT NULL, night_hours VARCHAR(11), site_keys SMALLINT DEFAULT '1' NOT NULL, key_changed_ms BIGINT, 
	CONSTRAINT pk_sites PRIMARY KEY (id), 
	CONSTRAINT uq_sites_name UNIQUE (name)
);
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'0138D5E628CB893855E1C6A49FB0BD4CE5269768DAF1DD1A856DE08FBC6FA5BEB0C2681F0D2A4BC70F469A078CE58C34BA9BCAAE256540AF228D891E68F4849212FF9381843FF5F1A78491E8CB0F78B878860B05F346BDB69C5AE02EAE',X'018B6664D992984143CF6E009F946B4C273B431268CA2EC3801788336E382E643104D8AC82E46061DE4122FF65774298F00ADCA388C709BD27CE0F60E9',9,1767697852000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697852000);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'012D7630B4E4FA5F5B5980BF0CFD65EF6654A6D8A794B855C8C300A93049C857115C078D4765B50C0427DD3F5B8E6F477E79EC786B77AB425F224B6473',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL);
INSERT INTO "sites" VALUES(3,'Yard 5','1Y1TEST00003Z','construction','Europe/Brussels',NULL,NULL,0,NULL,'{"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}',51.22,4.4,'["nl", "fr"]','construction-io','2027-01-01',12,'22:00-06:00',1,NULL);
CREATE TABLE workers (
	id INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	name_closed BLOB NOT NULL, 
	identity_kind VARCHAR(8) NOT NULL, 
	identity_closed BLOB NOT NULL, 
	identity_index BLOB NOT NULL, 
	employer_id INTEGER, language VARCHAR(2), added_ms BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_workers PRIMARY KEY (id), 
	CONSTRAINT fk_workers_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id), 
	CONSTRAINT uq_workers_identity_index UNIQUE (identity_index), 
	CONSTRAINT uq_workers_reference UNIQUE (reference)
);
INSERT INTO "workers" VALUES(1,'W-001',X'0191BBF794BCDBEB71C95B3209DDFFD63F1399EB439F41F39F456EDB79544657FBF854BE2B1CFC','niss',X'01065E0135573B4EDA40AE7F670E8AA3DE9C27776F97D7B07E0CF976C52F9825D025DC9A6C19A16E',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'01D13C3EBEB503F7C44C918311CB7478B343AEBC64C1B9684B1C2DCE4DCE6B071D8B774E0D48FC6DC1BC454EBA79','niss',X'0142280A905EFE14014AD449807B632E1AB6C1B703DDD62050420007849C2149DA31312E68C4843B',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'013DF05767A9A9DC063AF64DD423EA0CDBA78C00480879C583E986F6C21C55C654FE437FF39A','limosa',X'016B180188DEAD91FA54B9D4A298589E917E18291C3D4DC2CF801F623E44BD8D0650CFC326EE427FF64E1458AA83',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'0111CF263F59A1409EB93DD1425D197F14D521E9303568B12A29357E018DF1159C83D2E6C7A2C4','niss',X'0153C41B3146D975E585971C573E1CFE0F4E8D28E49C6D4865B3BB8F66B30C3542C72F12CFF4D67C',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
CREATE TABLE works (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	employer_id INTEGER NOT NULL, 
	from_day DATE NOT NULL, 
	to_day DATE, 
	CONSTRAINT pk_works PRIMARY KEY (id), 
	CONSTRAINT fk_works_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_works_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id)
);
INSERT INTO "works" VALUES(1,1,1,'2027-01-01','2027-01-01');
CREATE INDEX ix_events_same ON events (kind, clock, last_ms);
CREATE UNIQUE INDEX uq_clocks_in_use ON clocks (name) WHERE state != 'RETIRED';
CREATE INDEX ix_attempts_presence_id ON attempts (presence_id);
CREATE INDEX ix_punches_open ON punches (site_id, token) WHERE presence_id IS NULL;
CREATE INDEX ix_punches_presence_id ON punches (presence_id);
CREATE UNIQUE INDEX uq_orders_open ON orders (clock_id, command) WHERE done_ms IS NULL;
CREATE INDEX ix_desk_jobs_open ON desk_jobs (id) WHERE ended_ms IS NULL;
CREATE UNIQUE INDEX uq_presences_standing ON presences (worker_id, employer_kbo, workplace, day, moment_ms, way) WHERE state NOT IN ('CANCELLED', 'CLOSED');
CREATE INDEX ix_presences_worker_day ON presences (worker_id, day);
CREATE INDEX ix_presences_under_way ON presences (worker_id, id) WHERE declared = 'movement' AND state IN ('QUEUED', 'SENT', 'UNKNOWN');
CREATE INDEX ix_acts_subject ON acts (subject);
CREATE TRIGGER acts_UPDATE BEFORE UPDATE ON acts BEGIN SELECT RAISE(ABORT, 'what operators did is kept as it was written'); END;
CREATE TRIGGER acts_DELETE BEFORE DELETE ON acts BEGIN SELECT RAISE(ABORT, 'what operators did is kept as it was written'); END;
CREATE INDEX ix_engagements_worker_id ON engagements (worker_id);
CREATE INDEX ix_badges_worker_id ON badges (worker_id);
CREATE UNIQUE INDEX uq_badges_in_use ON badges (site_id, token) WHERE until_ms IS NULL;
CREATE INDEX ix_presences_assumed ON presences (day) WHERE assumed IS NOT NULL AND kept_ms IS NULL;
CREATE INDEX ix_filings_presence_id ON filings (presence_id);
CREATE INDEX ix_filings_punch_id ON filings (punch_id);
CREATE UNIQUE INDEX uq_filings_presence ON filings (presence_id) WHERE done_ms IS NULL;
CREATE UNIQUE INDEX uq_filings_punch ON filings (punch_id) WHERE done_ms IS NULL;
CREATE INDEX ix_corrections_presence_id ON corrections (presence_id);
CREATE UNIQUE INDEX uq_corrections_open ON corrections (presence_id) WHERE done_ms IS NULL;
CREATE INDEX ix_presences_for_person ON presences (state, id) WHERE state IN ('WAITING', 'REFUSED') OR (state = 'REMARKS' AND seen_ms IS NULL);
CREATE INDEX ix_events_open ON events (kind, first_ms) WHERE settled_ms IS NULL AND severity != 'info';
CREATE INDEX ix_plans_day ON plans (day);
CREATE INDEX ix_expected_worker_id ON expected (worker_id);
CREATE INDEX ix_dimona_periods_worker_id ON dimona_periods (worker_id);
CREATE INDEX ix_works_site_id ON works (site_id);
CREATE INDEX ix_punches_for_person ON punches (state, id) WHERE presence_id IS NULL AND state IN ('WAITING', 'UNASSIGNED', 'INVALID');
CREATE INDEX ix_badges_token_before ON badges (site_id, token_before) WHERE token_before IS NOT NULL;
CREATE TRIGGER presences_counted_in AFTER INSERT ON presences BEGIN INSERT INTO presence_counts (state, number) SELECT NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM presence_counts WHERE state = NEW.state); UPDATE presence_counts SET number = number + 1 WHERE state = NEW.state; END;
CREATE TRIGGER presences_counted_out AFTER DELETE ON presences BEGIN UPDATE presence_counts SET number = number - 1 WHERE state = OLD.state; END;
CREATE TRIGGER presences_counted_on AFTER UPDATE OF state ON presences WHEN OLD.state != NEW.state BEGIN UPDATE presence_counts SET number = number - 1 WHERE state = OLD.state; INSERT INTO presence_counts (state, number) SELECT NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM presence_counts WHERE state = NEW.state); UPDATE presence_counts SET number = number + 1 WHERE state = NEW.state; END;
CREATE INDEX ix_presences_due ON presences (state, due_ms, id) WHERE due_ms IS NOT NULL;
CREATE INDEX ix_presences_sent ON presences (state, id) WHERE state IN ('SENT', 'UNKNOWN');
CREATE INDEX ix_presences_day ON presences (day, id);
CREATE INDEX ix_events_clock ON events (clock, id);
CREATE INDEX ix_events_last_ms ON events (last_ms, id);
CREATE INDEX ix_badges_token ON badges (token);
CREATE INDEX ix_receptions_number ON receptions (number);
CREATE INDEX ix_corrections_replacement_id ON corrections (replacement_id);
COMMIT;
