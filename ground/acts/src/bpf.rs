//! Programs for the kernel's virtual machine, instruction by instruction.
//!
//! Source: Documentation/bpf/standardization/instruction-set.rst.

/// Where a jump goes: a place in the program that is filled in later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// The width of what is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// One byte (`BPF_B`).
    One = 0x10,
    /// Two (`BPF_H`).
    Two = 0x08,
    /// Four (`BPF_W`).
    Four = 0x00,
}

/// A program in the making. Registers are named by their numbers, 0 to 9.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    code: Vec<[u8; 8]>,
    /// Each jump, and the number of its place.
    jumps: Vec<(usize, usize)>,
    /// Of each place, the number of the instruction there.
    places: Vec<Option<usize>>,
}

impl Program {
    /// Returns a place that is not anywhere yet.
    pub(crate) fn place(&mut self) -> Place {
        self.places.push(None);
        Place(self.places.len().saturating_sub(1))
    }

    /// Puts a place here.
    pub(crate) fn here(&mut self, place: Place) {
        let next = self.code.len();
        if let Some(known) = self.places.get_mut(place.0) {
            *known = Some(next);
        }
    }

    fn push(&mut self, code: u8, (to, from): (u8, u8), offset: i16, number: i32) {
        let registers =
            if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
        let mut bytes = [0_u8; 8];
        let (head, tail) = bytes.split_at_mut(4);
        head.copy_from_slice(&[&[code, registers][..], &offset.to_ne_bytes()].concat());
        tail.copy_from_slice(&number.to_ne_bytes());
        self.code.push(bytes);
    }

    /// Copies a register (`BPF_ALU64 | BPF_MOV | BPF_X`).
    pub(crate) fn copy(&mut self, to: u8, from: u8) {
        self.push(0xbf, (to, from), 0, 0);
    }

    /// Sets a register to a number (`BPF_ALU64 | BPF_MOV | BPF_K`).
    pub(crate) fn set(&mut self, to: u8, number: i32) {
        self.push(0xb7, (to, 0), 0, number);
    }

    /// Sets a register to a number of 64 bits (`BPF_LD | BPF_DW | BPF_IMM`, two instructions).
    pub(crate) fn set_wide(&mut self, to: u8, number: u64) {
        let bytes = number.to_le_bytes();
        let [a, b, c, d, e, f, g, h] = bytes;
        self.push(0x18, (to, 0), 0, i32::from_le_bytes([a, b, c, d]));
        self.push(0, (0, 0), 0, i32::from_le_bytes([e, f, g, h]));
    }

    /// Adds a number to a register (`BPF_ALU64 | BPF_ADD | BPF_K`).
    pub(crate) fn add(&mut self, to: u8, number: i32) {
        self.push(0x07, (to, 0), 0, number);
    }

    /// Keeps only some bits of a register's lower half (`BPF_ALU | BPF_AND | BPF_K`).
    pub(crate) fn mask(&mut self, to: u8, bits: i32) {
        self.push(0x54, (to, 0), 0, bits);
    }

    /// Loads from where another register points (`BPF_LDX | BPF_MEM`).
    pub(crate) fn load(&mut self, width: Width, to: u8, from: u8, offset: i16) {
        self.push(0x61 | width as u8, (to, from), offset, 0);
    }

    /// Calls a function of the kernel by its number in `enum bpf_func_id` (`BPF_JMP | BPF_CALL`).
    pub(crate) fn call(&mut self, function: i32) {
        self.push(0x85, (0, 0), 0, function);
    }

    /// Goes to a place (`BPF_JMP | BPF_JA`).
    pub(crate) fn go(&mut self, place: Place) {
        self.jump(0x05, (0, 0), 0, place);
    }

    /// Goes to a place if a register's lower half is that number (`BPF_JMP32 | BPF_JEQ | BPF_K`).
    pub(crate) fn go_if_is(&mut self, register: u8, number: i32, place: Place) {
        self.jump(0x16, (register, 0), number, place);
    }

    /// Goes to a place if a register's lower half is not that number (`BPF_JMP32 | BPF_JNE`).
    pub(crate) fn go_if_is_not(&mut self, register: u8, number: i32, place: Place) {
        self.jump(0x56, (register, 0), number, place);
    }

    /// Goes to a place if a register is greater than another (`BPF_JMP | BPF_JGT | BPF_X`).
    pub(crate) fn go_if_greater(&mut self, register: u8, than: u8, place: Place) {
        self.jump(0x2d, (register, than), 0, place);
    }

    /// Ends with what register 0 holds (`BPF_JMP | BPF_EXIT`).
    pub(crate) fn end(&mut self) {
        self.push(0x95, (0, 0), 0, 0);
    }

    fn jump(&mut self, code: u8, registers: (u8, u8), number: i32, place: Place) {
        self.jumps.push((self.code.len(), place.0));
        self.push(code, registers, 0, number);
    }

    /// Returns the program's bytes; none if a jump goes nowhere, or farther than one can.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        for &(at, place) in &self.jumps {
            let to = self.places.get(place).copied().flatten()?;
            // From the instruction behind the jump.
            let way = i64::try_from(to).ok()?.checked_sub(i64::try_from(at).ok()?)?;
            let way = i16::try_from(way.checked_sub(1)?).ok()?;
            let instruction = self.code.get_mut(at)?;
            instruction.get_mut(2..4)?.copy_from_slice(&way.to_ne_bytes());
        }
        Some(self.code.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_counts_from_the_instruction_behind_it() {
        let mut program = Program::default();
        let end = program.place();
        program.go_if_is(3, 8, end);
        program.set(0, 1);
        program.here(end);
        program.end();
        let bytes = program.finish().unwrap();
        assert_eq!(bytes.len(), 24);
        assert_eq!(bytes[2..4], 1_i16.to_ne_bytes(), "one instruction is left out");
        let mut nowhere = Program::default();
        let place = nowhere.place();
        nowhere.go(place);
        assert_eq!(nowhere.finish(), None);
    }
}
