BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	reach JSON, 
	password_hash TEXT NOT NULL, 
	must_change BOOLEAN NOT NULL, 
	totp_closed BLOB, 
	totp_step BIGINT, 
	made_ms BIGINT NOT NULL, 
	signed_in_ms BIGINT, 
	ended_ms BIGINT, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_accounts_name UNIQUE (name)
);
INSERT INTO "accounts" VALUES(1,'otto','operator','{"sites": [1], "employers": [1]}','$argon2id$v=19$m=65536,t=3,p=4$yL0he83Wr8ikRsq3S61+Gw$ssUxyxSEzz9ko2Dgkqfq95vAPsS3L42Mt/1I1hfVhEM',1,X'01EAC74D7CD8835BF268537473D0F722790D6B147C280F47A29638ECC57DE3FEEC2C804E33E827C5940A7EF577001B51F51A1CA2AAA6176EF1242EC773',58000000,1767697857000,1767697857000,NULL);
INSERT INTO "accounts" VALUES(2,'ada','administrator',NULL,'$argon2id$v=19$m=65536,t=3,p=4$srJXbuMLNNvAOfSZSWNAbQ$6MbRVv33P0g2r5uPmYb0ya9s9Ad4OWoTs6QJHKnxpes',1,NULL,NULL,1767697857000,NULL,1767697858000);
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
INSERT INTO "acts" VALUES(5,1767611421000,'operator','presence_corrected','presence 1','it was another worker','{"code": "PLANNING", "before": {"state": "VALIDATED", "worker": 1, "site": 1, "way": ""}, "replacement": null, "after": {"worker": 4, "site": 1, "way": ""}}',X'CBCFBE52B4BF0D088E993D51ADBB9A5C253AC37446BEE67A0B2AE4282C2CE6A0');
INSERT INTO "acts" VALUES(6,1767611438000,'operator','punch_closed','clock 1','it was declared by hand','{"seq": 5}',X'A6AA78C070C328B1A35B16C15B6393832D6AA420FDD2C605F751D687994F9DE4');
INSERT INTO "acts" VALUES(7,1767611438000,'operator','site_added','site 3','for the tests','{"after": {"name": "Yard 5", "workplace": "1Y1TEST00003Z", "regime": "meat", "time_zone": "Europe/Brussels", "address": {"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}, "latitude": 51.22, "longitude": 4.4, "languages": ["nl", "fr"], "longest_shift_h": 12, "night_hours": null, "next_regime": null, "regime_from": null, "deadline": null, "deadline_minutes": null}}',X'151FC7890295EBA61226D26821C4D7403B15445D9437113BAA2358B883FF4E9B');
INSERT INTO "acts" VALUES(8,1767611438000,'operator','token_made','token 1','for the tests','{"name": "planner", "scopes": ["planning:read", "planning:write", "presences:read", "status:read"], "days": 365}',X'E5C9BE45295B48EA44AFE57BC436D22F447E41302DE16E8B0ED4BE5AD388D39B');
INSERT INTO "acts" VALUES(9,1767611440000,'operator','token_revoked','token 1','for the tests','{"name": "planner"}',X'A695CB7B9F9BB5F3F26250335115E56301F8019D27F8C1690CC46B4BDD902541');
INSERT INTO "acts" VALUES(10,1767611438000,'operator','token_made','token 2','for the tests','{"name": "planner", "scopes": ["planning:read"], "days": 365, "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'CF8B49D9F1457908E1C69F75EE9C2035DDD09C6AC0FA9405149F67C9AE721ABA');
INSERT INTO "acts" VALUES(11,1767611438000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": "2027-01-01", "to": "2027-01-01", "sites": ["Quay 7"]}}',X'841919393A504E75DC4782D1826FD5E153E9831812247AF33D8985179A3D1256');
INSERT INTO "acts" VALUES(12,1767611438000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": null, "to": null, "sites": []}}',X'CFEFD3391A4C9B27341C150926CAAE6A5C13F8A4266480A8C328BF9AB9215A53');
INSERT INTO "acts" VALUES(13,1767611438000,'operator','presence_kept','presence 2','the worker was there','{"assumed": "no_in"}',X'35CF72D80BA349477194EC6339C501ADB51E2AF0145A26A092C439DABB64D1DE');
INSERT INTO "acts" VALUES(14,1767611438000,'operator','presence_corrected','presence 7','it was another way','{"code": "PLANNING", "before": {"state": "QUEUED", "worker": 2, "site": 2, "way": "out"}, "replacement": 7, "after": {"worker": 2, "site": 2, "way": "in"}}',X'84409E02B897402712B45EE1239650EE83D2EDB192196957F15D1BA16E7D2F86');
INSERT INTO "acts" VALUES(15,1767611457000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'9DCE945548016DD7905999E96D2BB3BC0CD29E8E1CDA999D55A8EBCC773A4F95');
INSERT INTO "acts" VALUES(16,1767697857000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'D5FD99D56D407CF6B6FE62BC4E5003703875853DD89ECA12E725DE69B7D4A2B6');
INSERT INTO "acts" VALUES(17,1767697857000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'3CAE9EA85E62B5083C6C755F66C7081005FF24678A4E1477B9B9EB6E286EEFF3');
INSERT INTO "acts" VALUES(18,1767697857000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'D88F078D65CEE804709AB0D13EA6F99EABD0DF403BE1A38D8104E907F888A7A2');
INSERT INTO "acts" VALUES(19,1767697858000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'F3350331DFA7BFC7CC170379F11158520BD05451115D6E247F4A251C7AC4A46C');
INSERT INTO "acts" VALUES(20,1767697857000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'08B973397666F1B386D6E50FED2F415CB2A939EFEADE2FD81A0592427546FCCA');
INSERT INTO "acts" VALUES(21,1767697857000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'3F69AC1A066BFACC7125F4F66A9B45BAB8F78E4F33D2C3AC761F835B3EABFC02');
INSERT INTO "acts" VALUES(22,1767697857000,'operator','account_made','account 1','for the tests','{"name": "otto", "role": "operator", "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'05CE53ADF923612B7B618BE15287B3A0ED142142A0CD27A7E1A9A624C6AA4044');
INSERT INTO "acts" VALUES(23,1767697857000,'operator','account_made','account 2','for the tests','{"name": "ada", "role": "administrator"}',X'F299DE90DAD5081AFDE4FA5C5C81D0F153F63A12582E88D47C200282A40E6C19');
INSERT INTO "acts" VALUES(24,1767697858000,'operator','account_ended','account 2','for the tests','{"name": "ada"}',X'8A12F3D23F077F6AD96385290131AE7C301DADA717F0D5809CFD88691C745DDB');
INSERT INTO "acts" VALUES(25,1767697857000,'operator','account_changed','account 1','for the tests','{"name": "otto", "changed": ["codes"]}',X'E616EA716A6B864F5A540BE5C0AD90A78DCF1145C7E1FA6F1FA0403AF7420F9C');
INSERT INTO "acts" VALUES(26,1767697857000,'operator','presence_registered','presence 8','the gate had no power','{"day": "2026-01-06", "worker": 4, "site": 1}',X'96FE09CE4635D65EA999A4D6A649D657C86E72332814B113CE1F969FED909119');
INSERT INTO "acts" VALUES(27,1767697857000,'operator','registration_planned','registration 1','the gate had no power','{"day": "2026-01-08", "worker": 4, "site": 1}',X'C0BC4F049F6ECCCA06DDE958871471AE77B21E9AF0688463894DCFF45C980655');
INSERT INTO "acts" VALUES(28,1767784257000,'operator','presence_registered','presence 9','the gate had no power','{"day": "2026-01-08", "worker": 4, "site": 1, "planned": 1}',X'681E13A305D36121251949DE43533AC7221CAB353007469655B8E5E3A2F5C071');
INSERT INTO "acts" VALUES(29,1767697857000,'operator','link_made','site 1','for the tests','{"link": 1, "kind": "inspector", "ends_ms": 1767784257000}',X'64E684B4187C68CC8096CF1EF30DE19096C8AEE37A0CF9E3054116C835CE52A6');
INSERT INTO "acts" VALUES(30,1767697859000,'operator','link_revoked','site 1','for the tests','{"link": 1}',X'85FF2CD406878AD1CFB604680DE5EF4E2ED48D8C40C383CB70A4420C4A4E0B82');
INSERT INTO "acts" VALUES(31,1767697857000,'operator','link_made','worker 1','for the tests','{"link": 2, "kind": "worker", "ends_ms": 1767784257000}',X'CB9D32A8BFBBCB8807300128BE8C445F9B9621BBAED8321C1C5803BF1D246B0E');
INSERT INTO "acts" VALUES(32,1767697859000,'operator','link_revoked','worker 1','for the tests','{"link": 2}',X'AD6A652C7255344260FDFABD9A8DFB3EBE58214FD55D00316E6C606B55F1C69F');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0022_deadlines');
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
INSERT INTO "api_tokens" VALUES(1,'planner',X'98EA4D4D4A8BD0AFAA129CD17B5B5BBB02123C9476640D676981C3D653A792B8','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611438000,1799147438000,1767611440000,1767611439000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'53A65E54EC658543D9C90C683BB204485B0B7FE3100512E1F67BBD9FADDC99F9','["planning:read"]','operator',1767611438000,1799147438000,NULL,NULL,'{"sites": [1], "employers": [1]}');
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
INSERT INTO "attempts" VALUES(1,1,'9173a56721341115',X'C5C025C615A58FF15A1FFD269949FB2B',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'9173a56721341115',X'C5C025C615A58FF15A1FFD269949FB2B',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'9173a56721341115',X'C5C025C615A58FF15A1FFD269949FB2B',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'7a4c00a16f5bb21a',X'72C525462086A5D9835A77DA53D271F0',1767611407000,1767611416000,'registered');
INSERT INTO "attempts" VALUES(5,5,'98baf47440c412b1',X'0D2B52967AC66737219E7BD730CF593F',1767611432000,1767611436000,'refused');
INSERT INTO "attempts" VALUES(6,7,'c0068e27bfcf9753',X'36F27B3DC32FD4884D7B35AB5C154C54',1767611442000,1767611449000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'3e90be474c4039e2',X'36F27B3DC32FD4884D7B35AB5C154C54',1767611452000,1767611456000,'registered');
CREATE TABLE "badges" (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	token BLOB NOT NULL, 
	worker_id INTEGER NOT NULL, 
	since_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	engagement_id INTEGER, form SMALLINT, issue BLOB, card BLOB, token_before BLOB, 
	CONSTRAINT pk_badges PRIMARY KEY (id), 
	CONSTRAINT fk_badges_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_badges_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
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
INSERT INTO "badges" VALUES(9,1,X'DD70592E5F7C9D02',2,1767611438000,NULL,2,NULL,NULL,NULL,X'1D56AE37A4319B62');
INSERT INTO "badges" VALUES(10,1,X'0D39E145FEE6E892',4,1767611438000,NULL,NULL,NULL,NULL,NULL,X'B758A5194F3FE8D8');
INSERT INTO "badges" VALUES(11,1,X'44F03A989D5BFFAD',2,1767697857000,NULL,NULL,2,X'6973737565202031',X'9718A523122424C5',X'7B32FC5AF5EF5837');
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
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0159AA591CDD188F78DB8FE356E68C9B910F68F65AF13AA204DD3826984EE9FBA5F7562EEF594F498FF010D6451CD8D97A6EEA66BAAADE3EDAAFA27ECE',10,2,1,3,X'01520D2A92A3F9C1EAC068EC21919A9569FA4BA0187E0DAB22216F24782FCB6F8261B24D0F7FC10E235E7EBCFD8AC6E6EB785B80F8EB6C9E289E34F7E3F79126BB5E0E55A4B08A3FFD8C7D4C5C7F913FE2BE5BF07BB279B4E45B52A918',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01A26AE6AB50C6745E77014DE436E2FB0B199E794813B6FC194C76190CBE4993C520292DEBDAD5DA8488272974DCD61473D9D18DEDF44C2C85F566B06E',3,1,0,3,X'0187F87EF0031904F774C4A39BDDFD0FFCE7C1A2DCD60E5C00F9B649DED1A83DDB9A05986E1D6E35111953CD67A0F665FD0EBAF37DE173BA8F5BD70F3182B70A963BE37CE48A07EFA4BD288D3C7D9B79954A908D84B8268C02775F5572',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'015B1154A37E6C0555C4545863ED420A36F83065F3600C311DDE7670B658F205675DAFCE759D7769B9A6C7B1540A36A81F7FFF634700BB19570159DA59',3,1,0,3,X'01D097709B80A78EDC0497AA56A48FEBEBB6C72B261D6B9A2C14120BF1',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0159C455A8DEDAC34CD328006CF35AC83CC404759161FF6AE8B5CD1DB424F0F21AA30BFEA6E6DF930467095D8DF5D5655883CA5503C2B570CD9D3CCA68',2,1,0,2,X'01DF6E26D82028983B2F7DAF48FE23696F25877109DB28F76B69D4722BF4BA24DAEF5F116AC8C92BDC778E14DEC6A1501EF6B7F60DD4E3999F54A75002D47B78E3A1DC2B731F17CCC8FA1880136B1CC37F2C9162243E0B6BAF9D81DA8A',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01FBBEC3983AB0574964BA95DD2E1DEBE9AE6CFE259EA313688C22F4EB42CBAF9AA12DD2BD182702CF980D1657E83AB6746EA50F9993DD10C4AC4A2101',2,1,0,2,X'01450D63412E8D404DBF1555FB1AD2AB72354414D9B0A82B8428E8C6358317BB8F172CDA07DA3CE1FC6F43BDCFFD85709574166F7755BDC9A4FAD494620D270C134D3B3DE0DC859087B9920D2AFF0066165B61C565277E16EEF162638A',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01F2C079C56A0C640B5EFCCD13DB23E6D3D0B3BDDD9F64443E379C3F783C81F89CE14D2EEAB332B2A04E0C5A20FA2656E92752DE60662F6CE704754356',2,1,0,2,X'0128E3D0F3FD03FC46FF83B0E65D17D1429C2211B41F66BD4427D9D8E2AFDEE48900D3E32145708FF9FDD3CDC4423A5558DEB1F1AD33ADD7365ACC67F18C0E922CFB3641A1A648ED7D929ADF9B98781AF92BFC6EDE3F79F0A426D85A6F',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01552EFEF39093EBC20D03F83C954D018E0D215A9DD168FA9122947F0C9EE3B24F2FDBFD142ECF8823CDAE6C1D24FE1B649CB537754A419723A05B21B1',3,1,0,3,X'01BF007E21F93816ED0C67427923F07099DBD1CE0067CA308D53F367AF7D392AF86AF2860D16DCAC0D96B81B2E976E5D00C4772D98A5561E229A18E7111C5DB7633A6F8AA5AEC41FB68DE1D261C726465C3C2EBF2DD60331341381D9B6',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'011CBF0725744ED16E693A250C352657580FAE53621A77F877286F91E1DFE8DFC50547E723D673DF2A8795D58DA3BB8D6544919BE7143998EF9B8F2C10',2,1,0,2,X'01BBA01DA51E4114E7109468BC1139FF718C1B3B72D5BAA1AC5D35DB488BDF5E9B94EEF83035FA1A52325DDE3B63FCD892B9E80EBA5BE8CF73A6C0D8EF284FB85BA64F8F8F4554F1339E95D4643B0725EB8206CBCCD3B92E4581EBB408',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0108A810C81726C967BFF9A3D9691EACAF07E47E845BA26CBDC5AAB72B6F88A55BBC2A6FC3A8479D132C443FB927B1FACC97CF7C24A8CA952CC46E5039',2,1,0,2,X'01CED43F1E1290D193E8E1ACC8F6028DABE721C24F3193AEC7FD95B611B95D17274AE4BA0704214B5E3216015BC55A35DFF4F82CC68086A6F48EEEC97895066F549852B759562579ADEE8FFECFA4092C1CF1D9CBF2938B90D24B9371B6',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0165C20F3EF0F330FE37B7B8C21B7169284138C6EDCC92D635EFB34A6ABB3C3FDADBC505AA6C3965D8578E62BEB6209D777773893F6C669B884AD6DB87',5,1,0,5,X'01F009891387FC03E4EB353EC70FCEB14FC88BF5D9622F6CC473758613AC324D3D5E9ED0EA3F37A1C59BDED3414951CE1A9AF39243C1094FBB4239C0A77B6CB1279742327482CFBE2FFF161744DF27597CA5FCCF9DD7F5C2C23600671D',X'DFF69286D810299E0BD6E3E0D0F187F2',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'015B3C6C1028C7CBD3AC833E3DF2F0BD579DC00A4F4ABA0545748C8FF4B852E2656D392C59D13D42B780C4A0EC71B80DB2AAA84FC23022F6B33DF48A57',4,1,0,4,X'012E4777E0E3726E5113570A5167B52220AE4B0ADF558EC08AACB9030D50502656A95778773E578C4DF1FE658F1A313F411E2F64B498E9F81401E5952310B1596BF7F95F0EDA6C9646F8B1ADBAF55891775E3B744E77A80079B1F05600',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611438000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01C3A8A2497D9C59D7555D04A4C282A5086D24A152170CAA86EFA05F16C426EDEB94AD472E03A00267A6FD87A608F209AE8205DC9F8029E683C870994A',3,1,0,3,X'01E0D05BD9925EC775B4BA2C719F760E31FA8ABE8A9DB9C1F2D69ECA44436B4BE369044EF260F888644434B391A72414E6D3810216BC6EFEEFB68892973A95B00F44AFB91466F5E69BDB0F76BB8ACFF7FE803BAF35723FEC2E44A4051A',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697857000,1,1);
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
	CONSTRAINT fk_corrections_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_corrections_replacement_id FOREIGN KEY(replacement_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "corrections" VALUES(1,1,'correct','PLANNING','it was another worker','operator',4,1767611421000,1767611431000,'replaced',5,'0438195916',1,NULL);
INSERT INTO "corrections" VALUES(2,7,'correct','PLANNING','it was another way','operator',2,1767611438000,1767611438000,'sent as corrected',7,'0438195916',2,'in');
INSERT INTO "corrections" VALUES(3,8,'register','','the gate had no power','operator',NULL,1767697857000,1767697857000,'queued without a punch',NULL,NULL,NULL,NULL);
INSERT INTO "corrections" VALUES(4,9,'register','','the gate had no power','operator',NULL,1767784257000,1767784257000,'queued without a punch',NULL,NULL,NULL,NULL);
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
INSERT INTO "events" VALUES(2,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',4,1767610800000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(3,'info','badge_assigned',NULL,NULL,'a badge was given to W-003',3,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-6fdadfb5bb0f of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-c59aeabeef60: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
INSERT INTO "events" VALUES(8,'alarm','equivocation','clock-0002',2,'other bytes under the same number',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(9,'info','retirement_ordered','clock-0002',NULL,'ordered by operator: worn out',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(10,'info','clock_retired','clock-0003',NULL,'the clock wrote its last record and holds no key now; its certificate is good until it is revoked',1,1767611400000,1767611400000,NULL,NULL);
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
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-23970e7f5de6: correct by operator: it was another worker',1,1767611421000,1767611421000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-23970e7f5de6 was cancelled (PLANNING) for operator: it was another worker',1,1767611431000,1767611431000,'BC20260105-23970e7f5de6',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-b40d789a13cb: refused with code 5',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611438000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611438000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-6fdadfb5bb0f: kept by operator: the worker was there',1,1767611438000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611438000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611438000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-81e31be63fee: for a person: no_authority',1,1767697838000,1767697838000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-065175869d0b: correct by operator: it was another way',1,1767611438000,1767611438000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611449000,1767611449000,'day+movement',1767611456000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611456000,1767611456000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-c59aeabeef60: seen to, says operator: Limosa is right now',1,1767611457000,1767611457000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-5b3f0b8151b7: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697857000,1767697857000,'BC20260105-5b3f0b8151b7',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697858000,1767697858000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(46,'info','presence_by_hand',NULL,NULL,'W-004 at Quay 7 on 2026-01-06: queued by operator: the gate had no power',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(47,'info','presence_by_hand',NULL,NULL,'W-004 at Quay 7 on 2026-01-08: planned by operator: the gate had no power',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(48,'info','presence_by_hand',NULL,NULL,'presence BC20260108-7aeb00ab24cf of W-004 at Quay 7, planned by operator: the gate had no power',1,1767784257000,1767784257000,NULL,NULL);
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
INSERT INTO "filings" VALUES(1,4,NULL,'correct',1,'0438195916',2,'out','2026-01-05','found on the next day','operator',1767697857000,1767697857000,NULL,NULL);
INSERT INTO "filings" VALUES(2,NULL,13,'declare',3,'',1,'','2026-01-04','found on the next day','operator',1767697857000,1767697857000,1767697858000,'answered: its letter came');
CREATE TABLE holder_marks (
	id INTEGER NOT NULL, 
	mark BIGINT NOT NULL, 
	CONSTRAINT pk_holder_marks PRIMARY KEY (id)
);
INSERT INTO "holder_marks" VALUES(1,3546952274881890272);
CREATE TABLE later_registrations (
	id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_kbo VARCHAR(10) NOT NULL, 
	site_id INTEGER NOT NULL, 
	day DATE NOT NULL, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	asked_ms BIGINT NOT NULL, 
	presence_id INTEGER, 
	ended_ms BIGINT, 
	outcome TEXT, 
	CONSTRAINT pk_later_registrations PRIMARY KEY (id), 
	CONSTRAINT fk_later_registrations_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_later_registrations_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_later_registrations_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id)
);
INSERT INTO "later_registrations" VALUES(1,4,'0438195916',1,'2026-01-08','the gate had no power','operator',1767697857000,9,1767784257000,'sent');
CREATE TABLE letters (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	channel VARCHAR(8) NOT NULL, 
	recipient VARCHAR(24) NOT NULL, 
	body JSON NOT NULL, 
	made_ms BIGINT NOT NULL, 
	due_ms BIGINT NOT NULL, 
	tries INTEGER NOT NULL, 
	ended_ms BIGINT, 
	outcome VARCHAR(16), 
	CONSTRAINT pk_letters PRIMARY KEY (id)
);
INSERT INTO "letters" VALUES(1,'9f89009960c64338a042f029cc064452','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-b40d789a13cb"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-81e31be63fee"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697858000}',1767697858000,1767697918000,1,1767697858000,'sent');
INSERT INTO "letters" VALUES(2,'bb923acfcc234eafa6c857e294ba62fa','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-b40d789a13cb"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-81e31be63fee"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697858000}',1767697858000,1767697918000,1,NULL,NULL);
INSERT INTO "letters" VALUES(3,'93375e7c8ba5489a9c49c1da98973710','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697859000}',1767697859000,1767697919000,1,1767697859000,'sent');
INSERT INTO "letters" VALUES(4,'03adab6a7af34acbbcb79a3803ffac86','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697859000}',1767697859000,1767697919000,1,NULL,NULL);
INSERT INTO "letters" VALUES(5,'1d40a6f3815443be8ff993d356562fdb','email','b81feef6c4a3e63e2ad6a50d','{"kind": "summary", "new": [{"kind": "refused", "site": "", "clock": "", "name": "refused", "days": null, "number": 1, "items": []}], "over": [], "day": "2026-01-05", "made_ms": 1767697859000}',1767697859000,1767697859000,0,NULL,NULL);
CREATE TABLE links (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	secret_sha256 BLOB NOT NULL, 
	site_id INTEGER, 
	worker_id INTEGER, 
	made_by TEXT NOT NULL, 
	why TEXT NOT NULL, 
	made_ms BIGINT NOT NULL, 
	ends_ms BIGINT NOT NULL, 
	used_ms BIGINT, 
	revoked_ms BIGINT, 
	CONSTRAINT pk_links PRIMARY KEY (id), 
	CONSTRAINT fk_links_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_links_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_links_secret_sha256 UNIQUE (secret_sha256)
);
INSERT INTO "links" VALUES(1,'inspector',X'51C7E4C1B224C69901535387912881B294BF872A6C88204A8D6745AD437501C6',1,NULL,'operator','for the tests',1767697857000,1767784257000,1767697858000,1767697859000);
INSERT INTO "links" VALUES(2,'worker',X'46B766E9085F403495B2DEF9218ACADCC3328FCEF7A7B3A6C5C9CB333B4AF43A',NULL,1,'operator','for the tests',1767697857000,1767784257000,1767697858000,1767697859000);
CREATE TABLE notices (
	id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	about JSON NOT NULL, 
	opened_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	over_ms BIGINT, 
	CONSTRAINT pk_notices PRIMARY KEY (id)
);
INSERT INTO "notices" VALUES(1,'waits','clock_quarantined/clock-0002','{"site": "Quay 7", "clock": "clock-0002", "item": "clock-0002", "name": "clock_quarantined", "reason": "clock_quarantined", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(2,'waits','clock_quarantined/clock-0007','{"site": "Quay 7", "clock": "clock-0007", "item": "clock-0007", "name": "clock_quarantined", "reason": "clock_quarantined", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(3,'waits','founded_anew/event/14','{"site": "", "clock": "", "item": "event/14", "name": "founded_anew", "reason": "founded_anew", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(4,'waits','clock_time/clock-0001','{"site": "Quay 7", "clock": "clock-0001", "item": "clock-0001", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(5,'waits','clock_time/clock-0005','{"site": "Quay 7", "clock": "clock-0005", "item": "clock-0005", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(6,'waits','clock_time/clock-0007','{"site": "Quay 7", "clock": "clock-0007", "item": "clock-0007", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(7,'waits','clock_time/clock-0008','{"site": "Quay 7", "clock": "clock-0008", "item": "clock-0008", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(8,'waits','clock_reader/clock-0009','{"site": "Quay 7", "clock": "clock-0009", "item": "clock-0009", "name": "clock_reader", "reason": "clock_reader", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(9,'waits','settings_refused/event/18','{"site": "", "clock": "", "item": "event/18", "name": "settings_refused", "reason": "settings_refused", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(10,'refused','refused/BC20260105-b40d789a13cb','{"site": "Quay 7", "clock": "", "item": "BC20260105-b40d789a13cb", "name": "refused", "reason": "refused", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(11,'waits','no_time/clock-0011/3','{"site": "Quay 7", "clock": "", "item": "clock-0011/3", "name": "no_time", "reason": "no_time", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(12,'waits','no_authority/BC20260105-81e31be63fee','{"site": "Hall 3", "clock": "", "item": "BC20260105-81e31be63fee", "name": "no_authority", "reason": "no_authority", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(13,'waits','correction_due/correction/1','{"site": "Hall 3", "clock": "", "item": "correction/1", "name": "correction_due", "reason": "correction_due", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(14,'bridge','bridge/broker','{"site": "", "clock": "", "item": "", "name": "broker", "reason": "", "days": null, "number": 1}',1767697858000,NULL,1767697859000);
INSERT INTO "notices" VALUES(15,'summary','summary/2026-01-05','{"site": "", "clock": "", "item": "", "name": "", "reason": "", "days": null, "number": 1}',1767697859000,1767784259000,NULL);
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
INSERT INTO "plans" VALUES(1,1,'2027-01-01',1767697857000);
CREATE TABLE presence_counts (
	id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_presence_counts PRIMARY KEY (id)
);
INSERT INTO "presence_counts" VALUES(1,'QUEUED',2);
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
	decided_ms BIGINT, assumed VARCHAR(16), kept_ms BIGINT, seen_ms BIGINT, manual BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_presences PRIMARY KEY (id), 
	CONSTRAINT uq_presences_reference UNIQUE (reference), 
	CONSTRAINT fk_presences_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "presences" VALUES(1,'BC20260105-23970e7f5de6',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611431000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(2,'BC20260105-6fdadfb5bb0f',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611438000,NULL,0);
INSERT INTO "presences" VALUES(3,'BC20260105-c59aeabeef60',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611457000,0);
INSERT INTO "presences" VALUES(4,'BC20260105-5b3f0b8151b7',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654621000,1767611403000,1767611407000,NULL,1767611416000,1767611421000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(5,'BC20260105-b40d789a13cb',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611431000,1767611432000,NULL,NULL,1767611436000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611431000,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(6,'BC20260105-81e31be63fee',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611438000,NULL,NULL,NULL,1767697838000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(7,'BC20260105-065175869d0b',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611458000,1767611438000,1767611452000,NULL,1767611456000,NULL,'movement',1767611438000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611438000,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(8,'BC20260106-ec56de6cc157',4,'0438195916','1Y1TEST00001Z','2026-01-06',1,'QUEUED',NULL,NULL,0,NULL,'[]',0,0,1767697857000,1767697857000,NULL,NULL,NULL,NULL,'day',0,'',NULL,1767697857000,NULL,NULL,NULL,1);
INSERT INTO "presences" VALUES(9,'BC20260108-7aeb00ab24cf',4,'0438195916','1Y1TEST00001Z','2026-01-08',1,'QUEUED',NULL,NULL,0,NULL,'[]',0,0,1767784257000,1767784257000,NULL,NULL,NULL,NULL,'day',0,'',NULL,1767784257000,NULL,NULL,NULL,1);
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
INSERT INTO "punches" VALUES(9,10,3,2,X'7822EB2A95BAD765',1,1767611403000,'DECLARED',NULL,2,6,1767611438000);
INSERT INTO "punches" VALUES(10,11,2,1,X'B758A5194F3FE8D8',1,1767610800000,'DECLARED',NULL,4,5,1767611438000);
INSERT INTO "punches" VALUES(11,11,3,1,X'7822EB2A95BAD765',1,0,'WAITING','no_time',2,NULL,1767611438000);
INSERT INTO "punches" VALUES(12,10,4,2,X'7822EB2A95BAD765',2,1767611438000,'DECLARED',NULL,2,7,1767611438000);
INSERT INTO "punches" VALUES(13,12,2,1,X'A7BE714731B02CDD',1,1767524400000,'CLOSED','late',3,NULL,1767697857000);
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
INSERT INTO "receipts" VALUES(8,10,1,2,1,0,100000000004,1767611416000);
INSERT INTO "receipts" VALUES(9,10,2,2,4,0,100000000004,1767611421000);
INSERT INTO "receipts" VALUES(10,1,8,2,2,5,0,1767611436000);
INSERT INTO "receipts" VALUES(11,1,9,9,2,5,0,1767611436000);
INSERT INTO "receipts" VALUES(12,7,1,2,2,5,0,1767611436000);
INSERT INTO "receipts" VALUES(13,1,10,5,6,0,0,1767611438000);
INSERT INTO "receipts" VALUES(14,11,1,2,2,5,0,1767611438000);
INSERT INTO "receipts" VALUES(15,11,2,3,6,0,0,1767611438000);
INSERT INTO "receipts" VALUES(16,10,3,3,6,0,0,1767697838000);
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611456000);
INSERT INTO "receipts" VALUES(18,12,1,2,6,0,0,1767697857000);
INSERT INTO "receipts" VALUES(19,12,2,2,6,0,0,1767697858000);
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
INSERT INTO "receptions" VALUES(4,4,100000000004,1767611416000);
INSERT INTO "receptions" VALUES(5,7,100000000005,1767611456000);
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
INSERT INTO "records" VALUES(10,3,X'010300010000000300010000695B9C0B00000150000013887822EB2A95BAD765000000000000000000000000000000006AB54D14906E661A615639DB87976077',1,1767611438000);
INSERT INTO "records" VALUES(10,4,X'010300020000000400010000695B9C2E00000150000013887822EB2A95BAD76500000000000000000000000000000000DFF69286D810299E0BD6E3E0D0F187F2',1,1767611438000);
INSERT INTO "records" VALUES(11,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094A7D4AA412496FB741605823E7C79CCA12CF23F99EFF3B4',1,1767611438000);
INSERT INTO "records" VALUES(11,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002E7B5AEF35AFA70EF4F4172379246832',1,1767611438000);
INSERT INTO "records" VALUES(11,2,X'010300010000000200010000695B99B00000015000001388B758A5194F3FE8D80000000000000000000000000000000007E0CD78D5AD47A37AD0E9808384D060',1,1767611438000);
INSERT INTO "records" VALUES(11,3,X'0103000100000003000100000000000000000150000013887822EB2A95BAD76500000000000000000000000000000000960B1CE5DAA473F820A09926162B162D',1,1767611438000);
INSERT INTO "records" VALUES(12,0,X'010100000000000000000000695A4830000001500000138801020304050607080000000000000000C7659B6578E3DF1DEEFA78A38BAFB9DC5646D4EBC51B65AB',1,1767697857000);
INSERT INTO "records" VALUES(12,1,X'010200000000000100010000695A48300000015000001388000000000000000000000000000000000100000000000000F68E40F27DF82C597028CA6DB60BCDCB',1,1767697857000);
INSERT INTO "records" VALUES(12,2,X'010300010000000200010000695A48300000015000001388A7BE714731B02CDD00000000000000000000000000000000F643F91CFF0AECF0FABCC66CE3CEB0C0',1,1767697857000);
CREATE TABLE sessions (
	id INTEGER NOT NULL, 
	secret_sha256 BLOB NOT NULL, 
	account_id INTEGER NOT NULL, 
	opened_ms BIGINT NOT NULL, 
	seen_ms BIGINT NOT NULL, 
	ends_ms BIGINT NOT NULL, 
	ended_ms BIGINT, 
	shows_names BOOLEAN NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_sessions_secret_sha256 UNIQUE (secret_sha256)
);
INSERT INTO "sessions" VALUES(1,X'7B08BABB517B701A3F4A74A219EE4577F9BD8817E371BB6B07EEDED8CAF0F7E2',1,1767697857000,1767697857000,1767741057000,1767697858000,1);
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
	languages JSON, next_regime VARCHAR(16), regime_from DATE, longest_shift_h SMALLINT DEFAULT '12' NOT NULL, night_hours VARCHAR(11), site_keys SMALLINT DEFAULT '1' NOT NULL, key_changed_ms BIGINT, deadline VARCHAR(5), deadline_minutes SMALLINT, 
	CONSTRAINT pk_sites PRIMARY KEY (id), 
	CONSTRAINT uq_sites_name UNIQUE (name)
);
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'01B9A6F0C17ED6499F912D819B2551B852845723F80812C782A9480CBEB5514751A4F782A793B8D16B7E26C62ECAD027150ADE4E4B7A017FB30C87EC3C18F0BA270E05C52F15B63106409C5497077E66A06107DF1540521FF89EA513FB',X'016F35381CDF1D571700CFC7ABA23EEAF763994F3FED7365AACCA9560CDA9CE812C6587193765439433C35E769A6EB1EFA7A8E3900DAE5B184EB30A94E',9,1767697857000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697857000,NULL,NULL);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'0101F8582EB75B10C2E3B0F94993C96E9B09FCE2DC6EDA2A64024153313E3B7B4357011785D833AB4EE8523566F4717CF43813FB3A482B343830995CB4',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL,NULL,NULL);
INSERT INTO "sites" VALUES(3,'Yard 5','1Y1TEST00003Z','construction','Europe/Brussels',NULL,NULL,0,NULL,'{"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}',51.22,4.4,'["nl", "fr"]','construction-io','2027-01-01',12,'22:00-06:00',1,NULL,'08:30',20);
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
INSERT INTO "workers" VALUES(1,'W-001',X'0121CD9121F3021DA5DD0B4D0D78965760BA4BDFC7A08D2C17D0539E92478EAF32A184718D5A97','niss',X'014F547531C00B461F01A787ADE2E8A4B8F4F5049591C7C9AB37055C58BD26E9AE64B76578733435',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'012241A2D12973CC942DFDE4D88817A6B860F069770ED251BD6849752B19803070BCFEF76606EC06CCDBAB7B48CC','niss',X'0126DA0EE562C4F9EDD31AC0C31A7CF96398A80A3CE86F94912BAA5738AE5AF0859B25A10B2BFB60',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'0199B1A68C7385E1B7993C1F6F04E656CAAFF832F66F553141DD63117FBFC0D3C93D9A497C75','limosa',X'01FDAB4D85AD23E374D1F73960B386C28B2AA0BD2FD96975FDDE64573BA48307F86F4EAA1B70E8C0D905E1B77AE7',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'01305295C152897FDB66EE0AF5787F050D45A0F37004195B31015ECB31E4AAD3190EE1DB0FC075','niss',X'01BFD0E7648033BC84142D1D487BEBBF491BBD9E079544915E729B84F22657AA9234AB5F022FB5DB',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
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
CREATE INDEX ix_sessions_account_id ON sessions (account_id);
CREATE INDEX ix_badges_site_id_worker_id ON badges (site_id, worker_id);
CREATE UNIQUE INDEX uq_later_registrations_open ON later_registrations (day, worker_id, employer_kbo, site_id) WHERE ended_ms IS NULL;
CREATE INDEX ix_later_registrations_worker_id ON later_registrations (worker_id);
CREATE INDEX ix_later_registrations_presence_id ON later_registrations (presence_id);
CREATE INDEX ix_links_worker_id ON links (worker_id);
CREATE UNIQUE INDEX uq_notices_open ON notices ("key") WHERE over_ms IS NULL;
CREATE INDEX ix_notices_over_ms ON notices (over_ms);
CREATE INDEX ix_letters_open ON letters (due_ms) WHERE ended_ms IS NULL;
CREATE INDEX ix_letters_ended_ms ON letters (ended_ms);
CREATE TRIGGER badges_marked_update AFTER UPDATE ON badges BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER badges_marked_delete AFTER DELETE ON badges BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER badges_marked_insert AFTER INSERT ON badges BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER engagements_marked_update AFTER UPDATE ON engagements BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER engagements_marked_delete AFTER DELETE ON engagements BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER engagements_marked_insert AFTER INSERT ON engagements BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER workers_marked_update AFTER UPDATE ON workers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER workers_marked_delete AFTER DELETE ON workers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER employers_marked_update AFTER UPDATE ON employers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER employers_marked_delete AFTER DELETE ON employers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE INDEX ix_acts_operator ON acts (operator, id);
CREATE INDEX ix_acts_act ON acts (act, id);
COMMIT;
