// Package sockdiag ends connections that can't go on, by the kernel's sock_diag
// (sock_diag(7)).
//
// # The model
//
// A TCP connection, or a UDP socket that is connected, has an address of this
// machine for one of its ends. Once the machine has that address no more, nothing
// that is sent to it arrives, and the kernel only goes on to send again: the program
// hangs for a quarter of an hour or longer, unless it has a time limit of its own.
// SOCK_DESTROY ends such a socket as if the other end had: whoever reads from it or
// writes to it gets ECONNABORTED at once, and can connect again by another address.
//
// Listening sockets, and UDP sockets that are bound and not connected, are left
// alone: they hang for nobody, and work again if the address comes back.
//
// An IPv4 address is an end of AF_INET sockets, and of AF_INET6 ones, where it is
// written as a mapped one (::ffff:192.0.2.1, RFC 4291). Both are the same address here.
package sockdiag
