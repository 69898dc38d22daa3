/* The floor: what the kernel alone asks for a datagram taken in and one sent.

   floor PORT takes datagrams in batches and sends each back as an answer (the QR bit
   set), looking at nothing else. No name server can cost less than that. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, LARGEST = 1500, HEADER = 12 };

static char octets[BATCH][LARGEST];
static struct sockaddr_in peers[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static void prepare(int place) {
    parts[place].iov_base = octets[place];
    parts[place].iov_len = LARGEST;
    messages[place].msg_hdr.msg_name = &peers[place];
    messages[place].msg_hdr.msg_namelen = sizeof peers[place];
    messages[place].msg_hdr.msg_iov = &parts[place];
    messages[place].msg_hdr.msg_iovlen = 1;
}

static int listen_at(int port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in place;
    memset(&place, 0, sizeof place);
    place.sin_family = AF_INET;
    place.sin_port = htons((unsigned short)port);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0) {
        perror("floor: bind");
        exit(1);
    }
    return descriptor;
}

int main(int count, char **arguments) {
    int descriptor = listen_at(count > 1 ? atoi(arguments[1]) : 0);
    for (;;) {
        for (int place = 0; place < BATCH; place++) prepare(place);
        int taken = recvmmsg(descriptor, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int place = 0; place < taken; place++) {
            parts[place].iov_len = messages[place].msg_len;
            if (messages[place].msg_len >= HEADER) octets[place][2] |= (char)0x80;
        }
        for (int sent = 0; sent < taken;) {
            int more = sendmmsg(descriptor, messages + sent, taken - sent, 0);
            sent += more > 0 ? more : 1;
        }
    }
}
