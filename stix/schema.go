package stix

import "strings"

// class says which family a type belongs to.
type class uint8

const (
	classCustom class = iota // extension-defined or custom
	classSDO
	classSRO
	classSCO
	classMeta
)

// typeSpec is what the standard says of one object type.
type typeSpec struct {
	section string
	class   class
	props   map[string]prop
	hard    []string // required; without them the object means nothing
	soft    []string // required by the text, often left out
}

// prop is what the standard says of one property.
type prop struct {
	form form
	list bool
	hard bool // its value carries the meaning: a wrong one refuses in standard mode
}

// form is the data type of a property (STIX 2.1, section 2).
type form uint8

const (
	formAny form = iota
	formString
	formBool
	formInt
	formFloat
	formTime
	formRef
	formHashes
	formDict
	formExtensions
	formHex
	formBinary
	formExternal
	formKillChain
	formObject
	formMarkings // object_marking_refs, judged with the markings
	formGranular // granular_markings, likewise
	formUnknown  // a slip in the table; a test finds it
)

// formWords are the words for forms in the table below.
var formWords = map[string]form{
	"any": formAny, "str": formString, "bool": formBool, "int": formInt, "float": formFloat, "time": formTime,
	"ref": formRef, "hashes": formHashes, "dict": formDict, "ext": formExtensions, "hex": formHex, "bin": formBinary,
	"extref": formExternal, "kill": formKillChain, "obj": formObject, "markings": formMarkings, "granular": formGranular,
}

// commonProps stand on every object (section 3.2).
var commonProps = func() map[string]prop {
	return props(`type:str! spec_version:str id:str! created_by_ref:ref created:time! modified:time! revoked:bool!
	labels:str[] confidence:int lang:str external_references:extref[] object_marking_refs:markings
	granular_markings:granular extensions:ext defanged:bool`)
}()

// types is the table of the standard's types: section, class, then the
// properties. "!" is required and carries the meaning, "?" is required by the
// text but often left out, "[]" is a list.
var types = func() map[string]*typeSpec {
	return specs(`
attack-pattern 4.1 sdo name:str! description:str aliases:str[] kill_chain_phases:kill[]
campaign 4.2 sdo name:str! description:str aliases:str[] first_seen:time last_seen:time objective:str
course-of-action 4.3 sdo name:str! description:str action:any
grouping 4.4 sdo name:str description:str context:str? object_refs:ref[]?
identity 4.5 sdo name:str! description:str roles:str[] identity_class:str sectors:str[] contact_information:str
incident 4.6 sdo name:str! description:str
indicator 4.7 sdo name:str description:str indicator_types:str[] pattern:str! pattern_type:str? pattern_version:str valid_from:time? valid_until:time kill_chain_phases:kill[]
infrastructure 4.8 sdo name:str! description:str infrastructure_types:str[] aliases:str[] kill_chain_phases:kill[] first_seen:time last_seen:time
intrusion-set 4.9 sdo name:str! description:str aliases:str[] first_seen:time last_seen:time goals:str[] resource_level:str primary_motivation:str secondary_motivations:str[]
location 4.10 sdo name:str description:str latitude:float longitude:float precision:float region:str country:str administrative_area:str city:str street_address:str postal_code:str
malware 4.11 sdo name:str description:str malware_types:str[] is_family:bool? aliases:str[] kill_chain_phases:kill[] first_seen:time last_seen:time operating_system_refs:ref[] architecture_execution_envs:str[] implementation_languages:str[] capabilities:str[] sample_refs:ref[]
malware-analysis 4.12 sdo product:str? version:str host_vm_ref:ref operating_system_ref:ref installed_software_refs:ref[] configuration_version:str modules:str[] analysis_engine_version:str analysis_definition_version:str submitted:time analysis_started:time analysis_ended:time result_name:str result:str analysis_sco_refs:ref[] sample_ref:ref
note 4.13 sdo abstract:str content:str! authors:str[] object_refs:ref[]?
observed-data 4.14 sdo first_observed:time? last_observed:time? number_observed:int? objects:dict object_refs:ref[]
opinion 4.15 sdo explanation:str authors:str[] opinion:str! object_refs:ref[]?
report 4.16 sdo name:str! description:str report_types:str[] published:time? object_refs:ref[]?
threat-actor 4.17 sdo name:str! description:str threat_actor_types:str[] aliases:str[] first_seen:time last_seen:time roles:str[] goals:str[] sophistication:str resource_level:str primary_motivation:str secondary_motivations:str[] personal_motivations:str[]
tool 4.18 sdo name:str! description:str tool_types:str[] aliases:str[] kill_chain_phases:kill[] tool_version:str
vulnerability 4.19 sdo name:str! description:str
relationship 5.1 sro relationship_type:str! description:str source_ref:ref! target_ref:ref! start_time:time stop_time:time
sighting 5.2 sro description:str first_seen:time last_seen:time count:int sighting_of_ref:ref! observed_data_refs:ref[] where_sighted_refs:ref[] summary:bool
artifact 6.1 sco mime_type:str payload_bin:bin url:str hashes:hashes encryption_algorithm:str decryption_key:str
autonomous-system 6.2 sco number:int! name:str rir:str
directory 6.3 sco path:str! path_enc:str ctime:time mtime:time atime:time contains_refs:ref[]
domain-name 6.4 sco value:str! resolves_to_refs:ref[]
email-addr 6.5 sco value:str! display_name:str belongs_to_ref:ref
email-message 6.6 sco is_multipart:bool? date:time content_type:str from_ref:ref sender_ref:ref to_refs:ref[] cc_refs:ref[] bcc_refs:ref[] message_id:str subject:str received_lines:str[] additional_header_fields:dict body:str body_multipart:obj[] raw_email_ref:ref
file 6.7 sco hashes:hashes size:int name:str name_enc:str magic_number_hex:hex mime_type:str ctime:time mtime:time atime:time parent_directory_ref:ref contains_refs:ref[] content_ref:ref
ipv4-addr 6.8 sco value:str! resolves_to_refs:ref[] belongs_to_refs:ref[]
ipv6-addr 6.9 sco value:str! resolves_to_refs:ref[] belongs_to_refs:ref[]
mac-addr 6.10 sco value:str!
mutex 6.11 sco name:str!
network-traffic 6.12 sco start:time end:time is_active:bool src_ref:ref dst_ref:ref src_port:int dst_port:int protocols:str[]? src_byte_count:int dst_byte_count:int src_packets:int dst_packets:int ipfix:dict src_payload_ref:ref dst_payload_ref:ref encapsulates_refs:ref[] encapsulated_by_ref:ref
process 6.13 sco is_hidden:bool pid:int created_time:time cwd:str command_line:str environment_variables:dict opened_connection_refs:ref[] creator_user_ref:ref image_ref:ref parent_ref:ref child_refs:ref[]
software 6.14 sco name:str! cpe:str swid:str languages:str[] vendor:str version:str
url 6.15 sco value:str!
user-account 6.16 sco user_id:str credential:str account_login:str account_type:str display_name:str is_service_account:bool is_privileged:bool can_escalate_privs:bool is_disabled:bool account_created:time account_expires:time credential_last_changed:time account_first_login:time account_last_login:time
windows-registry-key 6.17 sco key:str values:obj[] modified_time:time creator_user_ref:ref number_of_subkeys:int
x509-certificate 6.18 sco is_self_signed:bool hashes:hashes version:str serial_number:str signature_algorithm:str issuer:str validity_not_before:time validity_not_after:time subject:str subject_public_key_algorithm:str subject_public_key_modulus:str subject_public_key_exponent:int x509_v3_extensions:obj
language-content 7.1 meta object_ref:ref! object_modified:time contents:dict!
marking-definition 7.2.1 meta name:str definition_type:str definition:obj
extension-definition 7.3 meta name:str! description:str schema:str? version:str? extension_types:str[]? extension_properties:str[]
`)
}()

// specs reads the table above.
func specs(table string) map[string]*typeSpec {
	classes := map[string]class{"sdo": classSDO, "sro": classSRO, "sco": classSCO, "meta": classMeta}
	out := map[string]*typeSpec{}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		s := &typeSpec{section: f[1], class: classes[f[2]], props: props(strings.Join(f[3:], " "))}
		for _, w := range f[3:] {
			name, form, _ := strings.Cut(w, ":")
			switch form[len(form)-1] {
			case '!':
				s.hard = append(s.hard, name)
			case '?':
				s.soft = append(s.soft, name)
			}
		}
		out[f[0]] = s
	}
	return out
}

// props reads "name:form" words.
func props(words string) map[string]prop {
	out := map[string]prop{}
	for _, w := range strings.Fields(words) {
		name, form, _ := strings.Cut(w, ":")
		p := prop{hard: strings.HasSuffix(form, "!")}
		form = strings.TrimRight(form, "!?")
		p.list = strings.HasSuffix(form, "[]")
		f, ok := formWords[strings.TrimSuffix(form, "[]")]
		if !ok {
			f = formUnknown
		}
		p.form = f
		out[name] = p
	}
	return out
}
