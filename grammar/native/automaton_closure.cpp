// Closures: what may come next above a set of stacks, found by every move that reads nothing.
//
// From which positions which others are reached, and what they read, does not depend on what they stand on. So that is
// found once for each position that is ever on top (a plan), as a list of pushes and unions; a closure runs those of
// its positions for the stacks below. In a plan a position occurs once, above all stacks that it stands on together, so
// the ways to reach it do not multiply.

#include <algorithm>

#include "automaton.hpp"
#include "errors.hpp"

namespace latticework {

class Automaton::Planner {
public:
    Planner(Automaton& automaton, bool repeats)
        : automaton_(automaton), frames_(*automaton.frames_), repeats_(repeats) {}

    std::unique_ptr<ClosurePlan> make(PosId pos, ExprId guard) {
        places_[place_of(pos, guard)].from.push_back(0);
        find_order(0);
        for (size_t at = order_.size(); at-- > 0;) flow(order_[at]);
        for (const Place& place : places_) read(place);
        automaton_.join_equal_stacks(plan_->items);  // equal slots are equal stacks
        return std::move(plan_);
    }

private:
    static constexpr size_t kMostPlaces = 200000;
    static constexpr PosId kSame = -2;  // as `next`: nothing is pushed

    // What a move leads to without reading: what stands on the same, or above `next` on it.
    struct Step {
        int32_t place;
        PosId next;
    };
    struct Place {
        PosId pos;
        ExprId guard;
        std::vector<int32_t> from;  // the slots that it stands on
        std::vector<Step> steps;
        int32_t slot = -1;
        int32_t index = -1, low = -1;  // of Tarjan's algorithm
        int32_t group = -1;
    };

    int32_t place_of(PosId pos, ExprId guard) {
        auto [found, is_new] = index_.try_emplace({pos, guard}, static_cast<int32_t>(places_.size()));
        if (is_new) places_.push_back({pos, guard, {}, {}, -1, -1, -1, -1});
        return found->second;
    }

    // Tarjan (1972), without recursion: groups of places that lead to each other; what leads to a group comes after it.
    void find_order(int32_t root) {
        if (places_[root].index >= 0) return;
        std::vector<std::pair<int32_t, size_t>> path;
        auto enter = [&](int32_t at) {
            places_[at].index = places_[at].low = visited_++;
            stack_.push_back(at);
            path.emplace_back(at, 0);
            open(at);
        };
        enter(root);
        while (!path.empty()) {
            auto [at, next] = path.back();
            if (next < places_[at].steps.size()) {
                ++path.back().second;
                int32_t to = places_[at].steps[next].place;
                if (places_[to].index < 0) {
                    enter(to);
                } else if (places_[to].group < 0) {
                    places_[at].low = std::min(places_[at].low, places_[to].index);
                }
                continue;
            }
            path.pop_back();
            if (!path.empty())
                places_[path.back().first].low = std::min(places_[path.back().first].low, places_[at].low);
            if (places_[at].low == places_[at].index) close_group(at);
        }
    }

    void close_group(int32_t first) {
        std::vector<int32_t> group;
        do {
            group.push_back(stack_.back());
            places_[stack_.back()].group = static_cast<int32_t>(order_.size());
            stack_.pop_back();
        } while (group.back() != first);
        for (int32_t at : group) {
            for (const Step& step : places_[at].steps) {
                bool pushes = step.next != kSame && step.next != Move::kReturn;
                if (pushes && places_[step.place].group == places_[at].group)
                    throw GrammarProblem("the grammar is left-recursive");
            }
        }
        order_.push_back(std::move(group));
    }

    void open(int32_t at) {
        const PosId pos = places_[at].pos;
        const ExprId guard = places_[at].guard;
        if (places_.size() > kMostPlaces) throw GrammarProblem("too many rules may begin at one place");
        note(pos);
        if (repeats_ && frames_.ends_different(pos)) return;
        std::vector<Step> steps;
        std::span<const Move> span = frames_.moves(pos);
        for (const Move& move : std::vector<Move>(span.begin(), span.end())) {
            if (move.kind == Move::Call) steps.push_back({place_of(move.what, guard), move.next});
            if (move.next != Move::kReturn && frames_.reads_nothing(move)) {
                ExprId inner = frames_.ends_scope(move.next) ? RegexSet::kNothing : guard;
                steps.push_back({place_of(move.next, inner), kSame});
            }
        }
        places_[at].steps = std::move(steps);
    }

    void note(PosId pos) {
        plan_->ends_different = plan_->ends_different || frames_.ends_different(pos);
        if (!frames_.opens_different(pos)) return;
        plan_->opens_different = true;
        plan_->choice = std::min(plan_->choice, frames_.choice_of_different(pos));
    }

    // All places of a group stand on the same, as its moves push nothing.
    void flow(const std::vector<int32_t>& group) {
        std::vector<int32_t> from;
        for (int32_t at : group) from.insert(from.end(), places_[at].from.begin(), places_[at].from.end());
        std::ranges::sort(from);
        from.erase(std::unique(from.begin(), from.end()), from.end());
        int32_t below = from[0];
        if (from.size() > 1) {
            below = plan_->slots++;
            plan_->steps.push_back({kSame, static_cast<int32_t>(plan_->unions.size())});
            plan_->unions.push_back(std::move(from));
        }
        for (int32_t at : group) {
            places_[at].slot = below;
            for (const Step& step : places_[at].steps) {
                if (places_[step.place].group == places_[at].group) continue;
                bool is_same = step.next == kSame || step.next == Move::kReturn;
                places_[step.place].from.push_back(is_same ? below : push(step.next, below));
            }
        }
    }

    void read(const Place& place) {
        if (repeats_ && frames_.ends_different(place.pos)) return;
        std::span<const Move> span = frames_.moves(place.pos);
        for (const Move& move : std::vector<Move>(span.begin(), span.end())) {
            if (move.kind != Move::Read && move.kind != Move::Lex) continue;
            int32_t after = move.next == Move::kReturn ? place.slot : push(move.next, place.slot);
            if (move.kind == Move::Lex) read_terminal(move.what, after, place.guard);
            if (move.kind != Move::Read) continue;
            add_item({move.what, after, RegexSet::kNothing, place.guard, Allowance::of(move)});
        }
    }

    // A lexer that is not contextual takes a terminal for the same everywhere.
    void read_terminal(int32_t terminal, int32_t after, ExprId guard) {
        const Program& program = *automaton_.program_;
        if (program.lexer(program.terminal(terminal).lexer).contextual) {
            plan_->readers.push_back({terminal, after, guard});
            return;
        }
        Lexemes& lexemes = *automaton_.lexemes_;
        for (const Lexemes::Reading& reading : lexemes.readings(lexemes.context({terminal}), terminal)) {
            bool has_tail = reading.tail != RegexSet::kNothing;
            int32_t behind = has_tail ? push(frames_.guard(reading.tail), after) : after;
            add_item({reading.texts, behind, reading.longer, guard});
        }
    }

    void add_item(const Item& item) { automaton_.split_by_guard(item, plan_->items); }
    int32_t push(PosId pos, int32_t below) {
        const uint64_t key = (static_cast<uint64_t>(pos) << 32) | static_cast<uint32_t>(below);
        auto [found, is_new] = pushes_.try_emplace(key, plan_->slots);
        if (is_new) {
            plan_->steps.push_back({pos, below});
            ++plan_->slots;
        }
        return found->second;
    }

    Automaton& automaton_;
    Frames& frames_;
    bool repeats_;
    std::unique_ptr<ClosurePlan> plan_ = std::make_unique<ClosurePlan>();
    std::vector<Place> places_;
    std::map<std::pair<PosId, ExprId>, int32_t> index_;
    std::unordered_map<uint64_t, int32_t> pushes_;  // by position and slot
    std::vector<int32_t> stack_;
    std::vector<std::vector<int32_t>> order_;  // groups, the called before their callers
    int32_t visited_ = 0;
};

// What the contextual lexers take the readable terminals for; those of one lexer compete.
void Automaton::add_readings(const std::vector<Reader>& readers, std::vector<Item>& items) {
    std::map<int32_t, std::vector<int32_t>> readable;  // by lexer
    for (const Reader& reader : readers) readable[program_->terminal(reader.terminal).lexer].push_back(reader.terminal);
    for (auto& [lexer, terminals] : readable) {
        Lexemes::Context& context = lexemes_->context(terminals);
        for (const Reader& reader : readers) {
            if (program_->terminal(reader.terminal).lexer != lexer) continue;
            for (const Lexemes::Reading& reading : lexemes_->readings(context, reader.terminal)) {
                StackId after = reader.after;
                if (reading.tail != RegexSet::kNothing) after = stacks_.push(frames_->guard(reading.tail), after);
                split_by_guard({reading.texts, after, reading.longer, reader.guard}, items);
            }
        }
    }
}

// The positions that the stacks end in, and those below where these may be complete; each with what it stands on.
Automaton::Tops Automaton::tops_of(StackId stacks, bool repeats, Fragment& out) {
    Tops tops;
    std::vector<std::pair<StackId, ExprId>> open{{stacks, RegexSet::kNothing}};
    std::unordered_set<uint64_t> seen;
    while (!open.empty()) {
        auto [set, guard] = open.back();
        open.pop_back();
        if (!seen.insert((static_cast<uint64_t>(set) << 32) | static_cast<uint32_t>(guard)).second) continue;
        out.accepting = out.accepting || stacks_.has_empty(set);
        std::span<const StackTop> span = stacks_.tops(set);
        for (const StackTop& top : std::vector<StackTop>(span.begin(), span.end())) {
            if (frames_->is_bottom(top.pos)) continue;
            if (frames_->is_guard(top.pos)) {
                open.emplace_back(top.below, lexer_->regex.any_of({guard, frames_->texts_of_guard(top.pos)}));
                continue;
            }
            if (repeats && frames_->ends_different(top.pos)) {
                out.ends_different = true;
                continue;
            }
            ExprId inner = frames_->ends_scope(top.pos) ? RegexSet::kNothing : guard;
            StackId& below = tops.try_emplace({top.pos, inner}, StackSets::kNone).first->second;
            below = stacks_.unite(below, top.below);
            if (frames_->pops(top.pos)) open.emplace_back(top.below, inner);
        }
    }
    return tops;
}

// A long plan is kept once it is asked for again: between two properties of a large object, most are run once.
std::shared_ptr<const ClosurePlan> Automaton::plan_for(PosId pos, ExprId guard, bool repeats) {
    constexpr size_t kLong = 256;
    const uint64_t key = (static_cast<uint64_t>(pos) << 32) | static_cast<uint32_t>(guard);
    auto [found, is_new] = plans_[repeats].try_emplace(key);
    if (found->second != nullptr) return found->second;
    if (is_new) closure_bytes_ += 48;
    std::shared_ptr<const ClosurePlan> plan = Planner(*this, repeats).make(pos, guard);
    if (is_new && plan->steps.size() > kLong) return plan;
    closure_bytes_ += plan->memory();
    found->second = plan;
    return plan;
}

void Automaton::run(const ClosurePlan& plan, StackId below, std::vector<Item>& items, std::vector<Reader>& readers) {
    std::vector<StackId> values{below};
    values.reserve(static_cast<size_t>(plan.slots));
    for (const ClosurePlan::Step& step : plan.steps) {
        if (step.push >= 0) {
            values.push_back(stacks_.push(step.push, values[step.from]));
            continue;
        }
        StackId value = StackSets::kNone;
        for (int32_t slot : plan.unions[static_cast<size_t>(step.from)]) value = stacks_.unite(value, values[slot]);
        values.push_back(value);
    }
    for (Item item : plan.items) {
        item.stacks = values[item.stacks];
        items.push_back(item);
    }
    for (Reader reader : plan.readers) {
        reader.after = values[reader.after];
        readers.push_back(reader);
    }
}

const Automaton::Fragment& Automaton::closure(StackId stacks, bool repeats) {
    int64_t key = static_cast<int64_t>(stacks) * 2 + repeats;
    if (auto found = closures_.find(key); found != closures_.end()) return found->second;
    Fragment fragment;
    std::vector<Reader> readers;
    for (const auto& [top, below] : tops_of(stacks, repeats, fragment)) {
        std::shared_ptr<const ClosurePlan> plan = plan_for(top.first, top.second, repeats);
        fragment.opens_different = fragment.opens_different || plan->opens_different;
        fragment.ends_different = fragment.ends_different || plan->ends_different;
        fragment.choice = std::min(fragment.choice, plan->choice);
        run(*plan, below, fragment.items, readers);
    }
    if (!readers.empty()) add_readings(readers, fragment.items);
    normalise(fragment.items);
    for (const Item& item : fragment.items) fragment.alive = fragment.alive | lexer_->alive(item.lex);
    closure_bytes_ += sizeof(Fragment) + 48 + fragment.items.capacity() * sizeof(Item);
    return closures_.emplace(key, std::move(fragment)).first->second;
}

}  // namespace latticework
