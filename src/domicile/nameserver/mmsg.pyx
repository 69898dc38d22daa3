"""Many datagrams by one system call each way: recvmmsg(2) and sendmmsg(2).

`mmsg.py` does the same one by one, and says what each method is for.
"""

from socket import inet_ntop

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <netinet/in.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/socket.h>

    enum { LARGEST = 65535, HEAD = 10 };
    /* Not a power of two apart, or all of them would share one set of the cache. */
    enum { APART = 65536 + 3 * 64 };

    struct slots {
        struct mmsghdr *taken;
        struct mmsghdr *sent;
        struct iovec *parts;
        struct iovec *replies;
        struct sockaddr_storage *peers;
        char *octets;
        Py_ssize_t *rewritten;
        int used;
    };

    static void slots_free(struct slots *all) {
        if (all == NULL) return;
        free(all->taken); free(all->sent); free(all->parts); free(all->replies);
        free(all->peers); free(all->octets);
        free(all->rewritten); free(all);
    }

    static struct slots *slots_make(Py_ssize_t size) {
        struct slots *all = calloc(1, sizeof *all);
        if (all == NULL) return NULL;
        all->taken = calloc(size, sizeof *all->taken);
        all->sent = calloc(size, sizeof *all->sent);
        all->parts = calloc(size, sizeof *all->parts);
        all->replies = calloc(size, sizeof *all->replies);
        all->peers = calloc(size, sizeof *all->peers);
        /* Only what is written to takes memory. */
        all->octets = calloc(size, APART);
        all->rewritten = calloc(size, sizeof *all->rewritten);
        if (all->taken && all->sent && all->parts && all->replies && all->peers &&
            all->octets && all->rewritten)
            return all;
        slots_free(all);
        return NULL;
    }

    static int slots_receive(struct slots *all, int descriptor, int size) {
        /* Where nothing was received to, all is as it was made ready before. */
        if (all->used == 0) all->used = size;
        for (int place = 0; place < all->used; place++) {
            struct msghdr *message = &all->taken[place].msg_hdr;
            all->parts[place].iov_base = all->octets + (size_t)place * APART;
            all->parts[place].iov_len = LARGEST;
            message->msg_name = &all->peers[place];
            message->msg_namelen = sizeof all->peers[place];
            message->msg_iov = &all->parts[place];
            message->msg_iovlen = 1;
            all->rewritten[place] = 0;
        }
        int taken = recvmmsg(descriptor, all->taken, size, MSG_DONTWAIT, NULL);
        all->used = taken > 0 ? taken : 1;
        return taken;
    }

    static char *slots_octets(struct slots *all, Py_ssize_t place) {
        return all->octets + (size_t)place * APART;
    }

    static Py_ssize_t slots_length(struct slots *all, Py_ssize_t place) {
        return all->taken[place].msg_len;
    }

    static int peer_size(struct slots *all, Py_ssize_t place) {
        return all->peers[place].ss_family == AF_INET6 ? 16 : 4;
    }

    static const char *peer_octets(struct slots *all, Py_ssize_t place) {
        const struct sockaddr_storage *peer = &all->peers[place];
        if (peer->ss_family == AF_INET6)
            return (const char *)&((const struct sockaddr_in6 *)peer)->sin6_addr;
        return (const char *)&((const struct sockaddr_in *)peer)->sin_addr;
    }

    /* As dns.budget numbers them: an IPv4 /24, or an IPv6 /56 and a bit above. */
    static long long peer_prefix(struct slots *all, Py_ssize_t place) {
        const unsigned char *octets = (const unsigned char *)peer_octets(all, place);
        int size = peer_size(all, place) == 16 ? 7 : 3;
        long long prefix = size == 7;
        for (int at = 0; at < size; at++) prefix = prefix << 8 | octets[at];
        return prefix;
    }

    static int port_of(const struct sockaddr_storage *peer) {
        if (peer->ss_family == AF_INET6)
            return ntohs(((const struct sockaddr_in6 *)peer)->sin6_port);
        return ntohs(((const struct sockaddr_in *)peer)->sin_port);
    }

    static int peer_port(struct slots *all, Py_ssize_t place) {
        return port_of(&all->peers[place]);
    }

    static long long peer_scope(struct slots *all, Py_ssize_t place) {
        const struct sockaddr_storage *peer = &all->peers[place];
        if (peer->ss_family != AF_INET6) return -1;
        return ((const struct sockaddr_in6 *)peer)->sin6_scope_id;
    }

    /* Write a piece about the question in the slot; give how long that is then. */
    static Py_ssize_t slots_rewrite(struct slots *all, Py_ssize_t place,
                                    const char *piece, Py_ssize_t size, Py_ssize_t end,
                                    int pointer) {
        char *octets = slots_octets(all, place);
        if (size < HEAD || end < 2 + HEAD || end + 2 + size > LARGEST) return 0;
        memcpy(octets + 2, piece, HEAD);
        if (pointer) {
            octets[end++] = (char)(pointer >> 8);
            octets[end++] = (char)pointer;
        }
        memcpy(octets + end, piece + HEAD, size - HEAD);
        return end + size - HEAD;
    }

    static int slots_reply(struct slots *all, int place, int free_place, void *octets,
                           size_t size) {
        struct msghdr *message = &all->sent[free_place].msg_hdr;
        /* Nobody asks from port 0; it cannot be answered. */
        if (!port_of(&all->peers[place])) return 0;
        all->replies[free_place].iov_base = octets;
        all->replies[free_place].iov_len = size;
        message->msg_name = &all->peers[place];
        message->msg_namelen = all->taken[place].msg_hdr.msg_namelen;
        message->msg_iov = &all->replies[free_place];
        message->msg_iovlen = 1;
        return 1;
    }

    static void slots_send(struct slots *all, int descriptor, int count) {
        for (int done = 0; done < count;) {
            int more = sendmmsg(descriptor, all->sent + done, count - done, MSG_DONTWAIT);
            /* A full buffer or no route: UDP loses messages, the client asks again. */
            done += more > 0 ? more : 1;
        }
    }
    """
    struct slots:
        Py_ssize_t *rewritten
    void slots_free(slots *all)
    slots *slots_make(Py_ssize_t size)
    int slots_receive(slots *all, int descriptor, int size) nogil
    int slots_reply(slots *all, int place, int free_place, void *octets, size_t size)
    Py_ssize_t slots_rewrite(
        slots *all, Py_ssize_t place, const char *piece, Py_ssize_t size, Py_ssize_t end,
        int pointer,
    )
    void slots_send(slots *all, int descriptor, int count) nogil
    char *slots_octets(slots *all, Py_ssize_t place)
    Py_ssize_t slots_length(slots *all, Py_ssize_t place)
    const char *peer_octets(slots *all, Py_ssize_t place)
    int peer_size(slots *all, Py_ssize_t place)
    long long peer_prefix(slots *all, Py_ssize_t place)
    int peer_port(slots *all, Py_ssize_t place)
    long long peer_scope(slots *all, Py_ssize_t place)


cdef class Batch:
    def __cinit__(self, udp, Py_ssize_t size):
        self._socket = udp
        self._descriptor = udp.fileno()
        self._size = size
        self._taken = 0
        self._replies = [None] * size
        self._slots = slots_make(size)
        if self._slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        slots_free(<slots *>self._slots)

    cpdef Py_ssize_t receive(self):
        cdef Py_ssize_t place
        # Where they were not sent, they are not for whoever asks now.
        for place in range(self._taken):
            self._replies[place] = None
        cdef int taken = slots_receive(
            <slots *>self._slots, self._descriptor, <int>self._size
        )
        # None waits, or an earlier reply came back as an ICMP error.
        self._taken = max(0, taken)
        return self._taken

    cpdef bytes packet(self, Py_ssize_t place):
        if not 0 <= place < self._taken:
            raise IndexError
        cdef slots *all = <slots *>self._slots
        return PyBytes_FromStringAndSize(
            slots_octets(all, place), slots_length(all, place)
        )

    cdef Py_ssize_t size(self, Py_ssize_t place) except -1:
        if not 0 <= place < self._taken:
            raise IndexError
        return slots_length(<slots *>self._slots, place)

    cdef const unsigned char *octets(self, Py_ssize_t place) except NULL:
        if not 0 <= place < self._taken:
            raise IndexError
        return <const unsigned char *>slots_octets(<slots *>self._slots, place)

    cpdef bytes address(self, Py_ssize_t place):
        if not 0 <= place < self._taken:
            raise IndexError
        cdef slots *all = <slots *>self._slots
        return PyBytes_FromStringAndSize(peer_octets(all, place), peer_size(all, place))

    cpdef long long prefix(self, Py_ssize_t place) except -1:
        if not 0 <= place < self._taken:
            raise IndexError
        return peer_prefix(<slots *>self._slots, place)

    cpdef tuple peer(self, Py_ssize_t place):
        host = inet_ntop(self._socket.family, self.address(place))
        cdef int port = peer_port(<slots *>self._slots, place)
        cdef long long scope = peer_scope(<slots *>self._slots, place)
        return (host, port) if scope < 0 else (host, port, 0, scope)

    cpdef void reply(self, Py_ssize_t place, bytes message):
        if 0 <= place < self._taken:
            self._replies[place] = message

    cpdef rewrite(self, Py_ssize_t place, bytes piece, Py_ssize_t end, int pointer):
        if not 0 <= place < self._taken:
            raise IndexError
        cdef slots *all = <slots *>self._slots
        all.rewritten[place] = slots_rewrite(
            all, place, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece), end, pointer
        )

    cpdef void send(self):
        cdef Py_ssize_t place
        cdef int count = 0
        cdef bytes message
        cdef slots *all = <slots *>self._slots
        for place in range(self._taken):
            if all.rewritten[place]:
                count += slots_reply(
                    all, <int>place, count, slots_octets(all, place),
                    <size_t>all.rewritten[place],
                )
                continue
            message = self._replies[place]
            if message is not None:
                count += slots_reply(
                    all, <int>place, count, PyBytes_AS_STRING(message),
                    <size_t>PyBytes_GET_SIZE(message),
                )
        slots_send(all, self._descriptor, count)
        for place in range(self._taken):
            if not all.rewritten[place]:
                self._replies[place] = None
        self._taken = 0
