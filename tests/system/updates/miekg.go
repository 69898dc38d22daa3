// As cert-manager's rfc2136 solver does it: clear the name, insert the value, signed.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/miekg/dns"
)

func main() {
	server, zone, name, value, secret := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	rr := &dns.TXT{Txt: []string{value}}
	rr.Hdr = dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}
	m := new(dns.Msg)
	m.SetUpdate(zone)
	m.RemoveRRset([]dns.RR{rr})
	m.Insert([]dns.RR{rr})
	m.SetTsig("miekg.", dns.HmacSHA256, 300, time.Now().Unix())
	c := new(dns.Client)
	c.TsigSecret = map[string]string{"miekg.": secret}
	reply, _, err := c.Exchange(m, server)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(dns.RcodeToString[reply.Rcode])
}
