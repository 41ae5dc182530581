// A netlist of standard cells in the simulator, as tables: it is read when the simulation starts,
// so that nothing is compiled for a netlist. asic/gates.py writes the tables and the module that
// calls this; the file gates.txt in the working directory holds, as numbers,
//
//   nets inputs outputs, then the nets of each input and output bit
//   count of gates, then for each, in the order of evaluation:
//       inputs k, truth table of 2^k bits (least significant first), k nets, net of the output
//   count of clock gates, then for each, outermost first: net of the enable, number of the gate
//       that it is behind (-1: none), net of the output
//   count of flip-flops, then for each: net that it takes, clock gate (-1: none), net of the output,
//       net of the inverted output (-1: none)
//   count of memories, then for each: words, width, ports, then for each port: clock gate, nets of
//       enable, write, read, then of the address bits (their number first), data, mask, output
//   net of the clock; nets of s_axis tvalid and tready; of m_axis; m_axis transfers after which
//       counting ends (0: nothing is counted), then a path
//
// Every net is settled once in a cycle, without delays; only what may have changed is looked at, so
// that a large netlist of which little moves is fast. Counts are of the cycles from the first
// transfer of s_axis to the last one of m_axis; they go to the path, a line for each net: cycles in
// which it changed its value, cycles in which it was 1. The net of a clock gate changes twice in
// every cycle in which the gate is open. The lines of the memories follow: port by port the cycles
// in which it was enabled and wrote, and read.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "svdpi.h"

namespace {

struct Gate { std::uint64_t table; int in[6], out; };
struct ClockGate { int enable, behind, out; bool open; };
struct FlipFlop { int in, gate, out, inverted; std::uint8_t next; };
struct Port {
    int gate, enable, write, read;
    std::vector<int> address, data, mask, out;
    std::uint64_t writes, reads;
};
struct Memory { int words, width; std::vector<Port> ports; std::vector<std::uint8_t> bits; };

std::FILE* file = nullptr;

long long number() {
    long long value;
    if (std::fscanf(file, "%lld", &value) != 1) {
        std::fprintf(stderr, "%%Error: gates.txt ends too soon\n");
        std::exit(1);
    }
    return value;
}

std::vector<int> numbers(long long count) {
    std::vector<int> found(count);
    for (int& value : found) value = static_cast<int>(number());
    return found;
}

std::uint32_t noise = 2463534242u;

std::uint32_t random32() {
    noise ^= noise << 13;
    noise ^= noise >> 17;
    noise ^= noise << 5;
    return noise;
}

struct Netlist {
    std::vector<std::uint8_t> value, before, listed;
    std::vector<std::uint32_t> changes;
    std::vector<std::uint64_t> ones, since;  // since: the cycle of a net's last change
    std::vector<int> touched;                // nets that were put in this cycle: listed
    std::vector<int> inputs, outputs;
    std::vector<Gate> gates;
    std::vector<ClockGate> clocks;
    std::vector<FlipFlop> flops;
    std::vector<Memory> memories;
    std::vector<svBitVecVal> seen;
    std::vector<std::uint64_t> dirty;  // gates whose inputs have changed, 64 a word
    std::vector<int> first, readers;   // of each net: gates, from readers[first[net]] on
    std::vector<std::size_t> group;    // of each clock gate, -1 first: flops, from flops[group] on
    int clock, s_valid, s_ready, m_valid, m_ready;
    std::uint64_t cycles = 0, transfers = 0, last = 0;
    std::string path;
    bool counting = false, done = false, stale = true;
    std::vector<std::pair<int, std::uint8_t>> next;  // outputs of memories, before they change

    Netlist() {
        file = std::fopen("gates.txt", "r");
        if (!file) {
            std::fprintf(stderr, "%%Error: gates.txt is missing\n");
            std::exit(1);
        }
        const long long nets = number(), ins = number(), outs = number();
        value.resize(nets), before.resize(nets), listed.resize(nets);
        changes.resize(nets), ones.resize(nets), since.resize(nets);
        inputs = numbers(ins), outputs = numbers(outs);
        seen.resize((ins + 31) / 32);
        gates.resize(number());
        for (Gate& gate : gates) {
            const int count = static_cast<int>(number());
            gate.table = 0;
            for (int i = 0; i < 1 << count; ++i) gate.table |= std::uint64_t(number()) << i;
            for (int i = 0; i < 6; ++i)  // net 0 is 0: an input that is not there
                gate.in[i] = i < count ? static_cast<int>(number()) : 0;
            gate.out = static_cast<int>(number());
        }
        dirty.resize((gates.size() + 63) / 64);
        for (std::size_t g = 0; g < gates.size(); ++g) mark(static_cast<int>(g));
        first.resize(nets + 1);
        for (const Gate& gate : gates)
            for (int net : gate.in) ++first[net + 1];
        first[1] = 0;  // net 0 never changes
        for (long long net = 1; net < nets; ++net) first[net + 1] += first[net];
        readers.resize(first[nets]);
        std::vector<int> at(first);
        for (std::size_t g = 0; g < gates.size(); ++g)
            for (int net : gates[g].in)
                if (net) readers[at[net]++] = static_cast<int>(g);
        clocks.resize(number());
        for (ClockGate& gate : clocks) {
            gate.enable = static_cast<int>(number()), gate.behind = static_cast<int>(number());
            gate.out = static_cast<int>(number());
        }
        flops.resize(number());
        for (FlipFlop& flop : flops) {
            flop.in = static_cast<int>(number()), flop.gate = static_cast<int>(number());
            flop.out = static_cast<int>(number()), flop.inverted = static_cast<int>(number());
            set(flop, random32() & 1);  // nothing may depend on it
        }
        std::stable_sort(flops.begin(), flops.end(), [](const FlipFlop& a, const FlipFlop& b) {
            return a.gate < b.gate;
        });
        group.resize(clocks.size() + 2);
        for (const FlipFlop& flop : flops) ++group[flop.gate + 2];
        for (std::size_t g = 1; g < group.size(); ++g) group[g] += group[g - 1];
        memories.resize(number());
        for (Memory& memory : memories) {
            memory.words = static_cast<int>(number()), memory.width = static_cast<int>(number());
            memory.ports.resize(number());
            for (Port& port : memory.ports) {
                port.gate = static_cast<int>(number()), port.enable = static_cast<int>(number());
                port.write = static_cast<int>(number()), port.read = static_cast<int>(number());
                port.address = numbers(number());
                port.data = numbers(memory.width), port.mask = numbers(memory.width);
                port.out = numbers(memory.width);
                port.writes = port.reads = 0;
                for (int net : port.out) put(net, random32() & 1);
            }
            memory.bits.resize(std::size_t(memory.words) * memory.width);
            for (std::uint8_t& bit : memory.bits) bit = random32() & 1;
        }
        clock = static_cast<int>(number());
        s_valid = static_cast<int>(number()), s_ready = static_cast<int>(number());
        m_valid = static_cast<int>(number()), m_ready = static_cast<int>(number());
        last = number();
        char text[4096] = "";
        if (std::fscanf(file, " %4095[^\n]", text) == 1) path = text;
        std::fclose(file);
    }

    void put(int net, std::uint8_t bit) {
        if (value[net] == bit) return;
        if (last && !done && !listed[net]) {
            listed[net] = 1, before[net] = value[net];
            touched.push_back(net);
        }
        value[net] = bit;
        for (int at = first[net]; at < first[net + 1]; ++at) mark(readers[at]);
    }

    void mark(int gate) { dirty[gate / 64] |= std::uint64_t(1) << gate % 64; }

    void set(const FlipFlop& flop, std::uint8_t bit) {
        put(flop.out, bit);
        if (flop.inverted >= 0) put(flop.inverted, !bit);
    }

    void settle(const svBitVecVal* given) {
        bool same = !stale;
        for (std::size_t word = 0; word < seen.size(); ++word) {
            same = same && seen[word] == given[word];
            seen[word] = given[word];
        }
        if (same) return;
        stale = false;
        for (std::size_t i = 0; i < inputs.size(); ++i)
            put(inputs[i], given[i / 32] >> (i % 32) & 1);
        for (std::size_t word = 0; word < dirty.size(); ++word)
            while (dirty[word]) {  // a gate marks later ones only
                const Gate& gate = gates[64 * word + __builtin_ctzll(dirty[word])];
                dirty[word] &= dirty[word] - 1;
                unsigned index = 0;
                for (int i = 0; i < 6; ++i) index |= unsigned(value[gate.in[i]]) << i;
                put(gate.out, gate.table >> index & 1);
            }
    }

    void edge() {
        for (ClockGate& gate : clocks)
            gate.open = value[gate.enable] && (gate.behind < 0 || clocks[gate.behind].open);
        if (last && !done) count();
        for (int gate = -1; gate < static_cast<int>(clocks.size()); ++gate)
            if (open(gate))
                for (std::size_t f = group[gate + 1]; f < group[gate + 2]; ++f)
                    flops[f].next = value[flops[f].in];
        for (Memory& memory : memories) access(memory);
        for (int gate = -1; gate < static_cast<int>(clocks.size()); ++gate)
            if (open(gate))
                for (std::size_t f = group[gate + 1]; f < group[gate + 2]; ++f)
                    set(flops[f], flops[f].next);
        for (const auto& change : next) put(change.first, change.second);
        next.clear();
        stale = true;
    }

    bool open(int gate) const { return gate < 0 || clocks[gate].open; }

    // All ports read what was there before, but for their own writes; where two meet, it is noise.
    void access(Memory& memory) {
        bool used = false;
        for (const Port& port : memory.ports)
            used = used || (open(port.gate) && value[port.enable]
                            && (value[port.write] || value[port.read]));
        if (!used) return;
        const std::vector<std::uint8_t> was = row(memory);
        std::vector<long long> at;
        for (Port& port : memory.ports) {
            const bool on = open(port.gate) && value[port.enable];
            long long address = 0;
            for (std::size_t i = 0; i < port.address.size(); ++i)
                address |= (long long)value[port.address[i]] << i;
            at.push_back(on && (value[port.write] || value[port.read]) ? address : -1);
        }
        std::size_t base = 0;
        for (std::size_t p = 0; p < memory.ports.size(); ++p, base += memory.width) {
            Port& port = memory.ports[p];
            if (at[p] < 0) continue;
            const bool write = value[port.write], read = value[port.read];
            if (counting && !done) port.writes += write, port.reads += read;
            bool meets = false;
            for (std::size_t q = 0; q < at.size(); ++q)
                meets = meets || (q != p && at[q] == at[p] && value[memory.ports[q].write]);
            for (int bit = 0; bit < memory.width; ++bit) {
                std::uint8_t now = at[p] < memory.words ? was[base + bit] : random32() & 1;
                if (write && value[port.mask[bit]]) now = value[port.data[bit]];
                if (write && at[p] < memory.words)
                    memory.bits[std::size_t(at[p]) * memory.width + bit] = now;
                if (read) next.push_back({port.out[bit], std::uint8_t(
                    meets ? random32() & 1 : now)});
            }
        }
    }

    // What the addressed words hold, port after port.
    std::vector<std::uint8_t> row(const Memory& memory) const {
        std::vector<std::uint8_t> found;
        for (const Port& port : memory.ports) {
            std::size_t address = 0;
            for (std::size_t i = 0; i < port.address.size(); ++i)
                address |= std::size_t(value[port.address[i]]) << i;
            for (int bit = 0; bit < memory.width; ++bit)
                found.push_back(address < std::size_t(memory.words)
                                ? memory.bits[address * memory.width + bit] : 0);
        }
        return found;
    }

    void count() {
        counting = counting || (value[s_valid] && value[s_ready]);
        for (int net : touched) {
            listed[net] = 0;
            if (!counting || value[net] == before[net]) continue;
            ++changes[net];
            if (before[net]) ones[net] += cycles - since[net];
            since[net] = cycles;
        }
        touched.clear();
        if (!counting) return;
        ++cycles;
        for (const ClockGate& gate : clocks) changes[gate.out] += 2 * gate.open;
        if (value[m_valid] && value[m_ready] && ++transfers == last) write();
    }

    void write() {
        done = true;
        std::FILE* out = std::fopen(path.c_str(), "w");
        if (!out) return;  // whoever reads it will say so
        changes[clock] = 2 * cycles;
        std::fprintf(out, "%llu\n", (unsigned long long)cycles);
        for (std::size_t net = 0; net < value.size(); ++net)
            std::fprintf(out, "%u %llu\n", changes[net], (unsigned long long)(
                ones[net] + (value[net] ? cycles - since[net] : 0)));
        for (const Memory& memory : memories)
            for (const Port& port : memory.ports)
                std::fprintf(out, "%llu %llu\n", (unsigned long long)port.writes,
                             (unsigned long long)port.reads);
        std::fclose(out);
    }
};

Netlist& netlist() {
    static Netlist only;
    return only;
}

}  // namespace

extern "C" void gates_edge(const svBitVecVal* given) {
    netlist().settle(given);
    netlist().edge();
}

extern "C" void gates_settle(const svBitVecVal* given, svBitVecVal* outs) {
    Netlist& all = netlist();
    all.settle(given);
    for (std::size_t word = 0; word < (all.outputs.size() + 31) / 32; ++word) outs[word] = 0;
    for (std::size_t i = 0; i < all.outputs.size(); ++i)
        outs[i / 32] |= svBitVecVal(all.value[all.outputs[i]]) << (i % 32);
}
