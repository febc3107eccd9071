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
INSERT INTO "accounts" VALUES(1,'otto','operator','{"sites": [1], "employers": [1]}','$argon2id$v=19$m=65536,t=3,p=4$PGPPo82rr0klILxWGumcZA$CIr5SzL8LT4CA4EOXBD5CjIt4dchppQ1sgVqlEnjWxU',1,X'01A18FDAB48C59723555DB4C8C22150647762B7785D571F428DED53F01B59B2BCE8C417FF775D196159F48F4FD2171CD88C2DBF1A148570C73F88B2772',58000000,1767697857000,1767697857000,NULL);
INSERT INTO "accounts" VALUES(2,'ada','administrator',NULL,'$argon2id$v=19$m=65536,t=3,p=4$3ZZsgcT3ONd3d4InOw4V1A$NhgVHqUPmHGGtjG/tCjA3aF90j9GuWdbhPAMRBUw+Rk',1,NULL,NULL,1767697857000,NULL,1767697858000);
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
INSERT INTO "acts" VALUES(6,1767611437000,'operator','punch_closed','clock 1','it was declared by hand','{"seq": 5}',X'2E9799E11B14E71B64D378C6A5A0816ED191D6A3AF3876B05A22C1DB2465A8B1');
INSERT INTO "acts" VALUES(7,1767611437000,'operator','site_added','site 3','for the tests','{"after": {"name": "Yard 5", "workplace": "1Y1TEST00003Z", "regime": "meat", "time_zone": "Europe/Brussels", "address": {"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}, "latitude": 51.22, "longitude": 4.4, "languages": ["nl", "fr"], "longest_shift_h": 12, "night_hours": null, "next_regime": null, "regime_from": null, "deadline": null, "deadline_minutes": null}}',X'2E27E76A47D8909D95B32BF6CC8EFFC3B610780C231A35425B304D4737CF5199');
INSERT INTO "acts" VALUES(8,1767611437000,'operator','token_made','token 1','for the tests','{"name": "planner", "scopes": ["planning:read", "planning:write", "presences:read", "status:read"], "days": 365}',X'15F0BA07495B14326A6E6AD85D4BE3FA490FE033DC5D275F82DE5E2F8292B768');
INSERT INTO "acts" VALUES(9,1767611439000,'operator','token_revoked','token 1','for the tests','{"name": "planner"}',X'3172458ED611170C18D57DD64E17F09004F53CCBCF270E764963175D88ACEAC3');
INSERT INTO "acts" VALUES(10,1767611437000,'operator','token_made','token 2','for the tests','{"name": "planner", "scopes": ["planning:read"], "days": 365, "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'F9B610AADBA91C4B8B4E7B2488FA381DB2280AE530C511330D357A052588D4EF');
INSERT INTO "acts" VALUES(11,1767611437000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": "2027-01-01", "to": "2027-01-01", "sites": ["Quay 7"]}}',X'A12834027C2C686DE49CF4911130C3343404755CAFD7CA7089D7CF7442C303F8');
INSERT INTO "acts" VALUES(12,1767611437000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": null, "to": null, "sites": []}}',X'6FC99EF82DE644D1CCE435662B3F5C71C1010D79D103AAAB6AF566CCA472489F');
INSERT INTO "acts" VALUES(13,1767611437000,'operator','presence_kept','presence 2','the worker was there','{"assumed": "no_in"}',X'E1EFE92F444AFF56DEA06D940A136F73E71BC85CEEF237B6C3B4BECB40F8FCCD');
INSERT INTO "acts" VALUES(14,1767611437000,'operator','presence_corrected','presence 7','it was another way','{"code": "PLANNING", "before": {"state": "QUEUED", "worker": 2, "site": 2, "way": "out"}, "replacement": 7, "after": {"worker": 2, "site": 2, "way": "in"}}',X'3A98D2756D408323308A66401A8AABA8A1FD3E3EE8D2460E9CA8DE70DAE0B1BD');
INSERT INTO "acts" VALUES(15,1767611457000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'41CFB943721A3C33C21B76DEE8A6F04F8752BFFB5D6F3BA98678DDB29BBE20B1');
INSERT INTO "acts" VALUES(16,1767697857000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'DD6FAECF7920F4DF4BDEC863F168FB207EA287D161AFF784A9B392CAFFDB1566');
INSERT INTO "acts" VALUES(17,1767697857000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'32691E7D3DA6959E4A815FD7B815727FC56FA4D10A2CF25B4C6DE5AA71A1E7B6');
INSERT INTO "acts" VALUES(18,1767697857000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'4231BD4C2C9C75C6213FE692BB53C2686B9C6A43A68B7F373762DDE8C85ED993');
INSERT INTO "acts" VALUES(19,1767697858000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'D7A65E6BA2C02949EEBBEF502727BD48ADA77542499B605A88F2679B9D112444');
INSERT INTO "acts" VALUES(20,1767697857000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'267E91A1B1B9FE9DB851035F835BDBF2E0D87FC05F5AE3FDBC618FA23DD47F6A');
INSERT INTO "acts" VALUES(21,1767697857000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'1070A45CBAEF4E2985EF2CA119FF43E37E35FF7F92AC3B1CD3B430D0507CDBC1');
INSERT INTO "acts" VALUES(22,1767697857000,'operator','account_made','account 1','for the tests','{"name": "otto", "role": "operator", "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'47A50B8ABB761FDF92274D3462B30C51B234FBCB69C6E5390E54C5864314EC33');
INSERT INTO "acts" VALUES(23,1767697857000,'operator','account_made','account 2','for the tests','{"name": "ada", "role": "administrator"}',X'9C851085AAF32499A78DBB4A113078CE2B7504E2C23C191AEA608054B3479425');
INSERT INTO "acts" VALUES(24,1767697858000,'operator','account_ended','account 2','for the tests','{"name": "ada"}',X'9C8253DC251E388618F576CFCAACE53FE6AC55A56164B92357CB98CCA5DD265D');
INSERT INTO "acts" VALUES(25,1767697857000,'operator','account_changed','account 1','for the tests','{"name": "otto", "changed": ["codes"]}',X'5A43192378D761F69C3EB441C086DED32FFFC1C4EE9CAE6FE70ECDCA500027B5');
INSERT INTO "acts" VALUES(26,1767697857000,'operator','presence_registered','presence 8','the gate had no power','{"day": "2026-01-06", "worker": 4, "site": 1}',X'2836F9452219C38F27D1105F2E58F3ACFC8B50C1DE38EA3609A68285B0F5BAC0');
INSERT INTO "acts" VALUES(27,1767697857000,'operator','registration_planned','registration 1','the gate had no power','{"day": "2026-01-08", "worker": 4, "site": 1}',X'F3A7D5D23989E74C3D676CADD116DFB56C8CA5CAD1B8F0478D167CC2DAF34E54');
INSERT INTO "acts" VALUES(28,1767784257000,'operator','presence_registered','presence 9','the gate had no power','{"day": "2026-01-08", "worker": 4, "site": 1, "planned": 1}',X'E42E116E6D9AC7A9F198268B1F90405F23C8BBC7DF84D5E28DEBEAF201291F29');
INSERT INTO "acts" VALUES(29,1767697857000,'operator','link_made','site 1','for the tests','{"link": 1, "kind": "inspector", "ends_ms": 1767784257000}',X'991DFD05604E096404771976D6B37BA30F034FD071F1235D61AFA20467EA9D05');
INSERT INTO "acts" VALUES(30,1767697859000,'operator','link_revoked','site 1','for the tests','{"link": 1}',X'E95DA238DE694309A18BFE66FA95D0B34DD920519E616976E5049150BACA375B');
INSERT INTO "acts" VALUES(31,1767697857000,'operator','link_made','worker 1','for the tests','{"link": 2, "kind": "worker", "ends_ms": 1767784257000}',X'656F36100E3A069A6E1CFEBBAD05805015C7F182FE3DE0CADB7C0E222B6419D4');
INSERT INTO "acts" VALUES(32,1767697859000,'operator','link_revoked','worker 1','for the tests','{"link": 2}',X'EC0CDA997AD422A331E3316764C5C92350B97CCF031058682FD310119E1454F2');
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
INSERT INTO "api_tokens" VALUES(1,'planner',X'A9FFF910D57762CDC88D6E7FFF66FB9EAF73731555E0D5F14D5E7B25E84B9190','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611437000,1799147437000,1767611439000,1767611438000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'84FE383497BE0CF9E03E7A63894C7428853AE2246F98E8167366C03909F41425','["planning:read"]','operator',1767611437000,1799147437000,NULL,NULL,'{"sites": [1], "employers": [1]}');
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
INSERT INTO "attempts" VALUES(1,1,'654f66d52446dede',X'26A541829BF046ADEB8A15883B2FFDBD',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'654f66d52446dede',X'26A541829BF046ADEB8A15883B2FFDBD',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'654f66d52446dede',X'26A541829BF046ADEB8A15883B2FFDBD',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'5c5d503b62f9404c',X'269774614F4CDD841303D5733EFDFB9A',1767611407000,1767611416000,'registered');
INSERT INTO "attempts" VALUES(5,5,'547a0ccbda2eea88',X'0772A320CF09B47CD47DA891418F3A7F',1767611432000,1767611436000,'refused');
INSERT INTO "attempts" VALUES(6,7,'584034c01e418377',X'C276BA86C9DFDFEFC2147B5D14E1CEAF',1767611441000,1767611450000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'ad789498f619ebdf',X'C276BA86C9DFDFEFC2147B5D14E1CEAF',1767611451000,1767611455000,'registered');
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
INSERT INTO "badges" VALUES(9,1,X'DD70592E5F7C9D02',2,1767611437000,NULL,2,NULL,NULL,NULL,X'1D56AE37A4319B62');
INSERT INTO "badges" VALUES(10,1,X'0D39E145FEE6E892',4,1767611437000,NULL,NULL,NULL,NULL,NULL,X'B758A5194F3FE8D8');
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
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'014E0102C08924EAB9928FEF665F5599FB537C4B67A0DA5F81D7C00C29BDCEA78DB78C47E884292AD9D2269B385175CA0941D31711587E5C3917F307EC',10,2,1,3,X'013D0E556A2C4DBB74DB8B2075D4B93CE278CAF606AE0C6CBF7E5E0EC736691FBB890E79BA0DA3FE7227D6860F9FEFE411AD3CD91F62514162A5773915BF40C2123B008895F871888C859EB2210317A8B491E6BA0F032BBA54D2E69C32',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'013CA067477D7F32B4EB41B14D742CDAC1E45AF6A5617D00125640B51159C6725E049A96DF31A29AB010CC60B56F1892CE2B14DB28852806AEEE086959',3,1,0,3,X'01AF763B214396F443FAFE8B1922179EF9D41B33C3D1A499629397C6970C6ED8493D9403D9691EEE531BFEBE70EE9E3034EADD151042386076E19AFE4F23163E05EE71D932C2EABE9713E4EF165F980354D953AE4D1BAC4A7DB5E33D25',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'01B169AFBCD4694B0879E3B874C09A7DDFF554A6AE8E974D4DBE47B02EBA3112CBF1D6CCCBE0FC7134445D6B4CB24E7838CC79C128581F4523147839D4',3,1,0,3,X'015CE0F65D88E9C61532A60D607A19B51487A8B85528C5C4B25A7D92AA',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0191B06F9F5CCBE459C568E1D9477FFCE8C3714BF06A70A43C6C8C5D9F17AF4AE16BF9F3A12A5CE843A67343EE7495B2BB836591BB31861FE2BC2F63CD',2,1,0,2,X'01C171508B2B4638C9E56D24DD2F6660DDFC14FBCB6E38C6C12E1A2E55128245E3332285D5DA7A16B8B2C498791DF0A88983E2F6E34417AC338FE285A0C761682B9ECBAE138B0D7B97E4541E67B6149F67E3BE12FC62834AA95A0C8A1C',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'017A6E4A02DA2C25654D6FBAD2491451BEA46C15145BA5F4006CC2202C23456A9AF298DD7765EC1CA23B5C607323163F82DA3EAD9A520F7D79628FC905',2,1,0,2,X'019CA712B8B6E0DFB909909DA5A961FF6249D97FD4B649595DB26136C53B8C00CF1CA8A9418FBE918BFCA9D4D0ECFA60299A186D9767060459CAFF6BD8E4240223CF7A9148A44A33573EF567BF7268DF1AFCA9AB2B9080E3BDF8A57475',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'012647A1F354405CFABC2B1C1E55122D2669290413695A790CF2553C385B0F83BF998987173076071EEF891C27D98D7CC900D211925296A69A96138A75',2,1,0,2,X'01486188DC33B8D5AEE67DADFE576364D2ABF1C40DB965C2BA2CC966FF615DC1C6FEF571DF19F810EF254B384CA352FAE29651E737D2237566F2C3834CDE9E16D518AF0DAFA6382C4D5E2B151F2747759AAC0FFA62D3B1D2A3052CAFE5',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01D1E084448BBB74C1A4A1A291EB01D5F98373299526090487E4CDED14DC8AEF273792BEECC1611397E7E7B26B00D380970D70D11BC566FA0B02D0CE14',3,1,0,3,X'014AA0A1183D49BF9DE76985E51B88078D03D0E4E8E4B94FC8399A6B2AC6AC93C9C2884116A17A50C3B6F357AA72A2EAF48C7771DA475F40160FD043E366E7EB092C37D2880561D68FF00E9DD3E3ABD95C8CD6DB0A5B1F35A52BB396AC',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0167053DA6ED5D24D42365D47827E46BA7E0728E2967DB2A2D89691B585BB6F93E2E4CC294A0E2CFB15E0662821463B1A4D89CCC2F0577D45C8B4A8F49',2,1,0,2,X'011FC5E71F7578DC07EEFA0B698531ABD81375C41A82BE04232B5161C3BD326707BC166BB10E85098E9FA79FD90C04E682CF8560FE73E1A53E8F8D151097091905B75F7D50F918A6B8EBF767EE98F63E7DC7C919721C8CA57241456E80',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'017052A1E9DF97C22FEBAE354589D01CEA5BF7F3816F79E0F308A957094739E064449A01C8EFF0AB221A659884C9EC227D089E45D4E2D70FF6F16FC386',2,1,0,2,X'010DF0BB077355670C49BF023AFDD3192721A3FA267772BE8980F8FB6B4A19E25E9198BAF921026C3DBB84967CAB5054D8EE4137AE931DEDEB757EE73A66211951540F0667F4596964A942B7C7C633AF4F0409524F4EADED3DC0709592',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01D172A9CD324F1C71519905E767209D80BD1A8D5C3551A02B91264AB2D9EC5C480296F43B93C2C23DCBD79845450E5A922EAE9C698100D2DE86425D92',5,1,0,5,X'0189F6F14E412F937737FF999D7733B87301A5CCB9486C61983B3464892C02FEAE30559EDF4008070655D340CB512B4418A4B6A68E5FA061000E5AD59F883FB52725BDB6B0120D1E464127A3343455459C48E2AA96A8146FA5D6AF778B',X'1AF358D6427F52E41DD309A4B4DDEE6F',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01E85DFDFCD9635B78230D75EB814621236BC3532C8F655AE586B319E6F8A88B2398A9FFD4D50A8CA4F5534DA07CCE9417192F510015F21C7606B798BF',4,1,0,4,X'01E6807BA27CA4FCC17AD0C7054550216F0A8C5B3EAE02C6DED52C70B74157A4A038562F476B487214DB6B99183DD29A1483325C65747383B31FD8893545C241E1B1F0BB2440ECE298CD0BDBF4D8060DDAE631DBBC3B9E3AB99DC6928F',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611437000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01CD15C0620B1211635452E79C48251C207B7C9F9083EAA468BB120A021412F88070ACE418B61625A21725A064B1FF22D77899B7D4F2CC12FDC5118254',3,1,0,3,X'012E8C4C258412972B808AFD08EB6046AE5C39D604F1EE8315371E9C5A4DB9C596A2CD68A1D80DF24252780D52A70FE9BC9AAC7206A1EDFC1B163734F9B605EF46AEA681119703080D86CE6866F0E7DCEADBAEEC8789586D02A1E901F2',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697857000,1,1);
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
INSERT INTO "corrections" VALUES(2,7,'correct','PLANNING','it was another way','operator',2,1767611437000,1767611437000,'sent as corrected',7,'0438195916',2,'in');
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
INSERT INTO "events" VALUES(2,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',4,1767610800000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(3,'info','badge_assigned',NULL,NULL,'a badge was given to W-003',3,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-77674925e570 of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-64a0dc0e9190: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
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
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-93405c5c1a7c: correct by operator: it was another worker',1,1767611421000,1767611421000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-93405c5c1a7c was cancelled (PLANNING) for operator: it was another worker',1,1767611431000,1767611431000,'BC20260105-93405c5c1a7c',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-a3d535927091: refused with code 5',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611437000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611437000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-77674925e570: kept by operator: the worker was there',1,1767611437000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611437000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611437000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-56c2bc997ec7: for a person: no_authority',1,1767697837000,1767697837000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-846d794319bf: correct by operator: it was another way',1,1767611437000,1767611437000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611450000,1767611450000,'day+movement',1767611455000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611455000,1767611455000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-64a0dc0e9190: seen to, says operator: Limosa is right now',1,1767611457000,1767611457000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-9132c2c3cb52: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697857000,1767697857000,'BC20260105-9132c2c3cb52',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697858000,1767697858000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(46,'info','presence_by_hand',NULL,NULL,'W-004 at Quay 7 on 2026-01-06: queued by operator: the gate had no power',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(47,'info','presence_by_hand',NULL,NULL,'W-004 at Quay 7 on 2026-01-08: planned by operator: the gate had no power',1,1767697857000,1767697857000,NULL,NULL);
INSERT INTO "events" VALUES(48,'info','presence_by_hand',NULL,NULL,'presence BC20260108-f6748f0bb90b of W-004 at Quay 7, planned by operator: the gate had no power',1,1767784257000,1767784257000,NULL,NULL);
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
INSERT INTO "letters" VALUES(1,'06f2bc7586e54dfaae684ca4c2c1da25','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-a3d535927091"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-56c2bc997ec7"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697858000}',1767697858000,1767697918000,1,1767697858000,'sent');
INSERT INTO "letters" VALUES(2,'dee71f972b93477592e14e5e1c5e84f6','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-a3d535927091"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-56c2bc997ec7"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697858000}',1767697858000,1767697918000,1,NULL,NULL);
INSERT INTO "letters" VALUES(3,'6f0c61d0da0244b4a934c9d94384bb1b','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697859000}',1767697859000,1767697919000,1,1767697859000,'sent');
INSERT INTO "letters" VALUES(4,'bc4e435311f44936a08616a3db00e77b','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697859000}',1767697859000,1767697919000,1,NULL,NULL);
INSERT INTO "letters" VALUES(5,'d1215f325e274d6ea91c84cd1b740f0e','email','b81feef6c4a3e63e2ad6a50d','{"kind": "summary", "new": [{"kind": "refused", "site": "", "clock": "", "name": "refused", "days": null, "number": 1, "items": []}], "over": [], "day": "2026-01-05", "made_ms": 1767697859000}',1767697859000,1767697859000,0,NULL,NULL);
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
INSERT INTO "links" VALUES(1,'inspector',X'14844415FC4C0B1C049D0227B499ABB4F04B9F2529A1F944792A20BE5A1503C6',1,NULL,'operator','for the tests',1767697857000,1767784257000,1767697858000,1767697859000);
INSERT INTO "links" VALUES(2,'worker',X'BB72384AA08CFFDE79F0C7E384E312AB43953AA9F51BED36B3F88EC0FB9B8FAE',NULL,1,'operator','for the tests',1767697857000,1767784257000,1767697858000,1767697859000);
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
INSERT INTO "notices" VALUES(10,'refused','refused/BC20260105-a3d535927091','{"site": "Quay 7", "clock": "", "item": "BC20260105-a3d535927091", "name": "refused", "reason": "refused", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(11,'waits','no_time/clock-0011/3','{"site": "Quay 7", "clock": "", "item": "clock-0011/3", "name": "no_time", "reason": "no_time", "days": null, "number": 1}',1767697858000,NULL,NULL);
INSERT INTO "notices" VALUES(12,'waits','no_authority/BC20260105-56c2bc997ec7','{"site": "Hall 3", "clock": "", "item": "BC20260105-56c2bc997ec7", "name": "no_authority", "reason": "no_authority", "days": null, "number": 1}',1767697858000,NULL,NULL);
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
	CONSTRAINT fk_presences_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT uq_presences_reference UNIQUE (reference)
);
INSERT INTO "presences" VALUES(1,'BC20260105-93405c5c1a7c',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611431000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(2,'BC20260105-77674925e570',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611437000,NULL,0);
INSERT INTO "presences" VALUES(3,'BC20260105-64a0dc0e9190',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611457000,0);
INSERT INTO "presences" VALUES(4,'BC20260105-9132c2c3cb52',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654621000,1767611403000,1767611407000,NULL,1767611416000,1767611421000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(5,'BC20260105-a3d535927091',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611431000,1767611432000,NULL,NULL,1767611436000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611431000,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(6,'BC20260105-56c2bc997ec7',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611437000,NULL,NULL,NULL,1767697837000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(7,'BC20260105-846d794319bf',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611457000,1767611437000,1767611451000,NULL,1767611455000,NULL,'movement',1767611437000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611437000,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(8,'BC20260106-3eb044f7dcb3',4,'0438195916','1Y1TEST00001Z','2026-01-06',1,'QUEUED',NULL,NULL,0,NULL,'[]',0,0,1767697857000,1767697857000,NULL,NULL,NULL,NULL,'day',0,'',NULL,1767697857000,NULL,NULL,NULL,1);
INSERT INTO "presences" VALUES(9,'BC20260108-f6748f0bb90b',4,'0438195916','1Y1TEST00001Z','2026-01-08',1,'QUEUED',NULL,NULL,0,NULL,'[]',0,0,1767784257000,1767784257000,NULL,NULL,NULL,NULL,'day',0,'',NULL,1767784257000,NULL,NULL,NULL,1);
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
INSERT INTO "punches" VALUES(9,10,3,2,X'7822EB2A95BAD765',1,1767611403000,'DECLARED',NULL,2,6,1767611437000);
INSERT INTO "punches" VALUES(10,11,2,1,X'B758A5194F3FE8D8',1,1767610800000,'DECLARED',NULL,4,5,1767611437000);
INSERT INTO "punches" VALUES(11,11,3,1,X'7822EB2A95BAD765',1,0,'WAITING','no_time',2,NULL,1767611437000);
INSERT INTO "punches" VALUES(12,10,4,2,X'7822EB2A95BAD765',2,1767611437000,'DECLARED',NULL,2,7,1767611437000);
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
INSERT INTO "receipts" VALUES(13,1,10,5,6,0,0,1767611437000);
INSERT INTO "receipts" VALUES(14,11,1,2,2,5,0,1767611437000);
INSERT INTO "receipts" VALUES(15,11,2,3,6,0,0,1767611437000);
INSERT INTO "receipts" VALUES(16,10,3,3,6,0,0,1767697837000);
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611455000);
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
INSERT INTO "receptions" VALUES(5,7,100000000005,1767611455000);
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
INSERT INTO "records" VALUES(10,3,X'010300010000000300010000695B9C0B00000150000013887822EB2A95BAD765000000000000000000000000000000006AB54D14906E661A615639DB87976077',1,1767611437000);
INSERT INTO "records" VALUES(10,4,X'010300020000000400010000695B9C2D00000150000013887822EB2A95BAD765000000000000000000000000000000001AF358D6427F52E41DD309A4B4DDEE6F',1,1767611437000);
INSERT INTO "records" VALUES(11,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094A7D4AA412496FB741605823E7C79CCA12CF23F99EFF3B4',1,1767611437000);
INSERT INTO "records" VALUES(11,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002E7B5AEF35AFA70EF4F4172379246832',1,1767611437000);
INSERT INTO "records" VALUES(11,2,X'010300010000000200010000695B99B00000015000001388B758A5194F3FE8D80000000000000000000000000000000007E0CD78D5AD47A37AD0E9808384D060',1,1767611437000);
INSERT INTO "records" VALUES(11,3,X'0103000100000003000100000000000000000150000013887822EB2A95BAD76500000000000000000000000000000000960B1CE5DAA473F820A09926162B162D',1,1767611437000);
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
INSERT INTO "sessions" VALUES(1,X'AB4485B14584930BE086914F7847042E444D3799A42AFC7784A0CAAD2BE47CB6',1,1767697857000,1767697857000,1767741057000,1767697858000,1);
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
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'01CB64BE0787CEB24D933DA0EA7EBBA3E4DFF8F0B04FEAA89379583678B20023F770E27EC49A8E8F3A7DA0C681BC9AD7C46884A401FDDB5A3AEAF2F34EC9CC0D866E31AA2FF806A8B575757582D518F31196B2B0893BFF4F23DDB0D3C0',X'01DF6596E9D03624A26CC95424119244ACFE996796409577DB038ED887D2D8FC6D5C777FC12A340E43E947E9B803C9BABD303F91DA3A6B5A1C74143D48',9,1767697857000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697857000,NULL,NULL);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'0112EE022EBB098E3C1F87D24895BF654C550FBB0E3CB78472EEFE0BB3F2FE2D1DE5C84A1B370AA70B89EA37C722C5D63D9B07E68E1DB0DE9C2A709E24',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL,NULL,NULL);
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
INSERT INTO "workers" VALUES(1,'W-001',X'01969BB407F4AA7D490C81B85F9BDA7CA6AA50B407FC38366276D9B6DA0ECC5EB2BB9033A233AF','niss',X'018DD04BFC2D28373DE11FDDFF1C2662572D1101C293FFAF0AD6A2DBD95217B012A88E2975FBE4B1',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'019D7AC27F06798647E5411D4743B24A2BD950E23C353CB56154E6AB4EAB8456B736A4742A74FB8B3EDC2DD845B2','niss',X'01C73452E2C2F2279BB80F45930718C894075AE8C68972D309D0DD3A1156C9B954A687A72E349A2C',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'0169F30CA0B03C84DEE4D0ED1F5CEEC841808C8406C6D7BD160D38D454AF4E12E4D13808AE18','limosa',X'012CD3CD031D097C9ECBF05A2A5ADB2A21EF859D338DA4EF66F3F979BB5B53CA1CFD711AFF39AE010A1AC4CCF740',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'0189EF6C11AFDEF12A9E8D012E1A3D9259E231C5A324B9AEA3924E29A413F24611873043B8A9CB','niss',X'01AC5E03170B1513F1C68244085961EB434CAAA332712325BD6E6407892A8C8B20F1E8E18AEC3CEF',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
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
COMMIT;
