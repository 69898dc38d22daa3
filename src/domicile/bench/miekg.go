// An authoritative name server on the library miekg/dns, as such servers are written in
// Go: maps of what there is, a handler, and the library's own loops.
//
// miekg PORT ZONE FILE serves one master file on loopback.
package main

import (
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strings"

	"github.com/miekg/dns"
)

type key struct {
	name   string
	rrtype uint16
}

type zone struct {
	apex       string
	soa        dns.RR
	records    map[key][]dns.RR
	signatures map[key][]dns.RR // by the type that they cover
	names      map[string]struct{}
}

func read(apex, path string) (*zone, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z := &zone{
		apex:       strings.ToLower(dns.Fqdn(apex)),
		records:    map[key][]dns.RR{},
		signatures: map[key][]dns.RR{},
		names:      map[string]struct{}{},
	}
	parser := dns.NewZoneParser(file, z.apex, path)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		z.add(rr)
	}
	if z.soa == nil {
		return nil, fmt.Errorf("%s has no SOA of %s", path, z.apex)
	}
	return z, parser.Err()
}

func (z *zone) add(rr dns.RR) {
	name := strings.ToLower(rr.Header().Name)
	if signature, is := rr.(*dns.RRSIG); is {
		at := key{name, signature.TypeCovered}
		z.signatures[at] = append(z.signatures[at], rr)
		return
	}
	at := key{name, rr.Header().Rrtype}
	z.records[at] = append(z.records[at], rr)
	if at.rrtype == dns.TypeSOA {
		z.soa = rr
	}
	// What lies between a name and the apex exists, too.
	for len(name) >= len(z.apex) {
		if _, known := z.names[name]; known {
			break
		}
		z.names[name] = struct{}{}
		name = name[strings.IndexByte(name, '.')+1:]
	}
}

func (z *zone) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(query)
	signed := false
	if edns := query.IsEdns0(); edns != nil {
		signed = edns.Do()
		reply.SetEdns0(1232, signed)
	}
	if len(query.Question) == 1 {
		z.answer(reply, query.Question[0], signed)
	} else {
		reply.Rcode = dns.RcodeFormatError
	}
	// UDP loses messages: who got none asks again.
	_ = w.WriteMsg(reply)
}

func (z *zone) answer(reply *dns.Msg, question dns.Question, signed bool) {
	name := strings.ToLower(question.Name)
	if !dns.IsSubDomain(z.apex, name) {
		reply.Rcode = dns.RcodeRefused
		return
	}
	reply.Authoritative = true
	at := key{name, question.Qtype}
	if found := z.records[at]; len(found) > 0 {
		reply.Answer = found
		if signed {
			reply.Answer = append(found[:len(found):len(found)], z.signatures[at]...)
		}
		return
	}
	if _, exists := z.names[name]; !exists {
		reply.Rcode = dns.RcodeNameError
	}
	reply.Ns = []dns.RR{z.soa}
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: miekg PORT ZONE FILE")
	}
	z, err := read(os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	// What the reading left behind is no part of the serving.
	debug.FreeOSMemory()
	for _, network := range []string{"udp", "tcp"} {
		listener := &dns.Server{Addr: "127.0.0.1:" + os.Args[1], Net: network, Handler: z}
		go func() { log.Fatal(listener.ListenAndServe()) }()
	}
	select {}
}
