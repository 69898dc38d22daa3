/* An app that costs nearly nothing: upstream PORT answers every head with the same
   small response, on kept connections. It stands in for what is behind a proxy, and is
   not what is measured. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, LARGEST = 65536, DESCRIPTORS = 65536 };

static const char RESPONSE[] =
    "HTTP/1.1 200 OK\r\nServer: upstream\r\nContent-Type: text/plain\r\n"
    "Content-Length: 13\r\n\r\nHello, world\n";
static const char END[] = "\r\n\r\n";

/* How much of a head's end each connection has shown so far. */
static unsigned char shown[DESCRIPTORS];

static int listen_at(int port) {
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in place;
    memset(&place, 0, sizeof place);
    place.sin_family = AF_INET;
    place.sin_port = htons((unsigned short)port);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0 ||
        listen(descriptor, 1024) != 0) {
        perror("upstream: listen");
        exit(1);
    }
    return descriptor;
}

static void watch(int poll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

static void welcome(int poll, int listener) {
    int descriptor = accept(listener, NULL, NULL), on = 1;
    if (descriptor < 0) return;
    if (descriptor >= DESCRIPTORS) {
        close(descriptor);
        return;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    shown[descriptor] = 0;
    watch(poll, descriptor);
}

static void answer(int descriptor) {
    static char octets[LARGEST];
    ssize_t taken = recv(descriptor, octets, sizeof octets, 0);
    if (taken <= 0) {
        close(descriptor);
        return;
    }
    for (ssize_t at = 0; at < taken; at++) {
        unsigned char next = shown[descriptor];
        next = octets[at] == END[next] ? next + 1 : octets[at] == '\r';
        if (next == sizeof END - 1) {
            send(descriptor, RESPONSE, sizeof RESPONSE - 1, MSG_NOSIGNAL);
            next = 0;
        }
        shown[descriptor] = next;
    }
}

int main(int count, char **arguments) {
    int listener = listen_at(count > 1 ? atoi(arguments[1]) : 0);
    int poll = epoll_create1(0);
    struct epoll_event events[EVENTS];
    watch(poll, listener);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int each = 0; each < ready; each++) {
            int descriptor = events[each].data.fd;
            if (descriptor == listener) welcome(poll, listener);
            else answer(descriptor);
        }
    }
}
