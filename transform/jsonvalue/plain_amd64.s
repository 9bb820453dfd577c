#include "textflag.h"

// func plainVectors(text []byte, flip byte) int
//
// Sixteen bytes at a time. A byte needs a look when it is a quote or a backslash, or when byte^flip is less than ' '^flip as a
// signed number.
TEXT ·plainVectors(SB), NOSPLIT, $0-40
	MOVQ    text_base+0(FP), SI
	MOVQ    text_len+8(FP), CX
	MOVBQZX flip+24(FP), AX
	MOVQ    $0x0101010101010101, BX
	MOVQ    AX, DX
	IMULQ   BX, DX
	MOVQ    DX, X10
	PUNPCKLQDQ X10, X10 // flip
	XORQ    $0x20, AX
	IMULQ   BX, AX
	MOVQ    AX, X11
	PUNPCKLQDQ X11, X11 // ' '^flip
	MOVQ    $0x2222222222222222, AX
	MOVQ    AX, X8
	PUNPCKLQDQ X8, X8 // quotes
	MOVQ    $0x5c5c5c5c5c5c5c5c, AX
	MOVQ    AX, X9
	PUNPCKLQDQ X9, X9 // backslashes
	XORQ    DX, DX
	SUBQ    $32, CX
	JLT     last

loop:
	MOVOU   (SI)(DX*1), X0
	MOVOU   16(SI)(DX*1), X4
	MOVOA   X0, X1
	MOVOA   X4, X5
	PCMPEQB X8, X1
	PCMPEQB X8, X5
	MOVOA   X0, X2
	MOVOA   X4, X6
	PCMPEQB X9, X2
	PCMPEQB X9, X6
	PXOR    X10, X0
	PXOR    X10, X4
	MOVOA   X11, X3
	MOVOA   X11, X7
	PCMPGTB X0, X3
	PCMPGTB X4, X7
	POR     X1, X2
	POR     X5, X6
	POR     X2, X3
	POR     X6, X7
	MOVOA   X3, X1
	POR     X7, X1
	PMOVMSKB X1, AX
	TESTL   AX, AX
	JNZ     found
	ADDQ    $32, DX
	CMPQ    DX, CX
	JLE     loop

last:
	ADDQ    $16, CX
	CMPQ    DX, CX
	JGT     done
	MOVOU   (SI)(DX*1), X0
	MOVOA   X0, X1
	PCMPEQB X8, X1
	MOVOA   X0, X2
	PCMPEQB X9, X2
	PXOR    X10, X0
	MOVOA   X11, X3
	PCMPGTB X0, X3
	POR     X1, X3
	POR     X2, X3
	PMOVMSKB X3, AX
	TESTL   AX, AX
	JNZ     first
	ADDQ    $16, DX

done:
	MOVQ    DX, ret+32(FP)
	RET

found:
	PMOVMSKB X3, AX
	TESTL   AX, AX
	JNZ     first
	PMOVMSKB X7, AX
	ADDQ    $16, DX

first:
	BSFL    AX, AX
	ADDQ    AX, DX
	MOVQ    DX, ret+32(FP)
	RET
