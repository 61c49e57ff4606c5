// The token automaton: a grammar for a vocabulary as a graph whose states are small integers, built as it is walked.
//
// A state is a configuration: a set of (lexer state, set of parser stacks), whether the text may end, and, inside a
// container whose items or names must differ, the trail of what is to be compared (trail.hpp). Configurations
// are interned, so two histories that allow the same futures by construction are one state, and what was computed for
// it once (transitions, its mask) serves every request. The mask of a state depends on nothing but the state.
//
// Threads. Every public call takes `gc_` shared; what is already known is then read without further locks. New states,
// transitions and masks are made under the lexer's mutex. Dropping them takes `gc_` alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "closure_plan.hpp"
#include "frames.hpp"
#include "lexemes.hpp"
#include "lexmask.hpp"
#include "program.hpp"
#include "reach.hpp"
#include "stacks.hpp"
#include "state_table.hpp"
#include "trail.hpp"
#include "vocabulary.hpp"

namespace latticework {

using StateId = int32_t;
class Matcher;

struct Limits {
    size_t grammar_bytes = 256u << 20;
    size_t lexer_bytes = 256u << 20;
    long derivative_steps = 200000;
    long grammar_nodes = 1000000;
    long liveness_states = 20000;
};

struct Statistics {
    size_t states, masks, stacks, positions, state_bytes, lexer_states, lexer_bytes, collections;
};

class Automaton {
public:
    static constexpr StateId kDead = -1;
    static constexpr StateId kTerminated = 0;  // an end token was accepted

    Automaton(std::shared_ptr<Vocabulary> vocabulary, std::string code, std::string text, const Limits& limits);
    Automaton(const Automaton&) = delete;
    Automaton& operator=(const Automaton&) = delete;

    const std::shared_ptr<Vocabulary>& vocabulary() const { return vocabulary_; }
    const std::string& code() const { return code_; }
    const std::string& text() const { return text_; }
    bool counts_tokens() const { return program_->counts_tokens(); }
    const Limits& limits() const { return limits_; }

    // Each throws std::out_of_range for an integer that is no state, or no longer one.
    StateId start() const { return start_; }
    StateId step(StateId state, TokenId token) {
        return step_pinned(state, token, [](StateId) {});
    }
    // How many of these would be accepted one after the other.
    size_t validate(StateId state, std::span<const TokenId> tokens);
    // Calls `hold` with the state that was reached while no state can be dropped.
    template <typename Hold>
    StateId step_pinned(StateId state, TokenId token, Hold hold);
    StateId step_bytes(StateId state, std::string_view data);
    bool is_accepting(StateId state);
    std::string forced_bytes(StateId state);
    std::string next_bytes(StateId state);
    void fill(StateId state, std::span<uint32_t> row) { fill({&state, 1}, row.data(), row.size()); }
    void fill(std::span<const StateId> states, uint32_t* rows, size_t width);  // one row of `width` words for each
    // An upper bound of the tokens of a shortest completion, the end token included; -1 if the vocabulary cannot spell
    // the one that was found. Some token leads to a state with a smaller one.
    int32_t distance(StateId state);
    // As `fill`, without the tokens behind which the distance is more than what then remains of `remaining` tokens.
    void fill_within(StateId state, int32_t remaining, std::span<uint32_t> row);
    Statistics statistics();
    void add(Matcher* matcher);  // the states of a registered matcher are never dropped
    void remove(Matcher* matcher);
    template <typename Change>
    void change_matcher(Change change) {  // while nobody reads the states of matchers
        std::shared_lock gc(gc_);
        change();
    }

private:
    static constexpr StateId kUnknown = -2;

    struct Fragment {  // what may come next above a set of stacks
        std::vector<Item> items;
        ByteSet alive;  // the bytes that they begin with
        bool accepting = false;
        bool opens_different = false;  // what was read last opened a container that compares,
        int32_t choice = INT32_MAX;    // among at least so many things
        bool ends_different = false;   // or ended something that it compares
        mutable StateId state = kUnknown;
    };
    using SharedTokens = std::shared_ptr<const std::vector<TokenId>>;
    // Where a frame may end within tokens. What comes next depends on what it stands on.
    struct Ending {
        SharedPlaces places;
        StackId stacks;
    };
    struct Tokens {  // the union of all
        std::vector<SharedBits> bases;
        std::vector<SharedTokens> lists;
        std::vector<TokenId> tokens;
        std::vector<Ending> endings;  // of a frame above the bottom
        std::vector<TokenId> doubts;  // only the whole state tells whether these are allowed
        void add(std::span<const TokenId> more) { tokens.insert(tokens.end(), more.begin(), more.end()); }
        void share(const SharedTokens& list);
        void share(const std::shared_ptr<const Tokens>& other);  // all but its endings
        void doubt(const Places& places, const ByteSet& bytes);
        void settle();
        size_t memory() const {  // without what is shared
            return sizeof(Tokens) + (tokens.capacity() + doubts.capacity()) * sizeof(TokenId) +
                   endings.capacity() * sizeof(Ending) + (bases.capacity() + lists.capacity()) * sizeof(SharedTokens);
        }
    };
    struct Mask : Tokens {  // bases and lists, without what is cleared, and `tokens`
        std::vector<TokenId> cleared;
        size_t bytes = 0;  // as they were counted
    };
    using Table = std::array<std::atomic<StateId>, 256>;
    enum class Life : uint8_t { Unknown, Alive, Dead };
    struct Config {
        std::vector<Item> items;
        bool accepting = false;
        TrailPtr trail;
        bool is_certain = false;                     // each byte of `alive` leads to a state that can be completed
        ByteSet alive;                               // a superset where that is not certain
        std::array<std::atomic<uint64_t>, 6> few{};  // the first transitions: state + 1 above the byte; 0 is free
        std::atomic<Table*> table{nullptr};          // all transitions, once they are more
        std::atomic<const Mask*> mask{nullptr};
        std::atomic<StateId> after_token{kUnknown};  // where terminals count: the state if a token ends here
        std::atomic<Life> token_life{Life::Unknown};
        Life trail_life = Life::Unknown, guard_life = Life::Unknown;  // where it has to be looked for
        ~Config();
        size_t own_bytes() const {
            return sizeof(Config) + items.capacity() * sizeof(Item) + (trail ? trail->memory() : 0);
        }
    };

    // automaton.cpp: states and transitions
    // Holds the lexer's mutex, and charges what is added to the shared lexer to this grammar.
    class Building {
    public:
        explicit Building(Automaton& automaton) : automaton_(automaton), lock_(automaton.lexer_->mutex) {
            before_ = automaton.lexer_->core_memory();
            automaton.lexer_->allow(automaton.limits_.derivative_steps, automaton.limits_.lexer_bytes,
                                    automaton.lexer_used_);
        }
        ~Building() { automaton_.lexer_used_ += automaton_.lexer_->core_memory() - before_; }
        Building(const Building&) = delete;
        Building& operator=(const Building&) = delete;

    private:
        Automaton& automaton_;
        std::lock_guard<std::mutex> lock_;
        size_t before_;
    };
    Config& at(StateId state) const;
    static StateId known_step(const Config& config, uint8_t byte);
    void remember_step(Config& config, uint8_t byte, StateId next);
    StateId step_locked(StateId state, uint8_t byte);
    StateId walk(StateId state, std::string_view data);
    StateId step_token(StateId state, TokenId token);
    StateId end_token(StateId state);
    StateId compute_step(StateId state, uint8_t byte);
    StateId state_of(const Fragment& fragment);  // as if the text began with it
    StateId intern(std::vector<Item> items, bool accepting, TrailPtr trail = nullptr);
    StateId add_config(std::unique_ptr<Config> config);
    void normalise(std::vector<Item>& items);
    bool has_equal_stacks(const std::vector<Item>& items);
    // `repeats`: without the stacks on which the thing that was just read must not equal one before.
    const Fragment& closure(StackId stacks, bool repeats = false);
    // automaton_closure.cpp
    using Reader = ClosurePlan::Reader;
    using Tops = std::map<std::pair<PosId, ExprId>, StackId>;  // by position and guard: what they stand on
    class Planner;
    Tops tops_of(StackId stacks, bool repeats, Fragment& out);
    std::shared_ptr<const ClosurePlan> plan_for(PosId pos, ExprId guard, bool repeats);
    void run(const ClosurePlan& plan, StackId below, std::vector<Item>& items, std::vector<Reader>& readers);
    void add_readings(const std::vector<Reader>& readers, std::vector<Item>& items);  // with stacks for slots
    void split_by_guard(const Item& item, std::vector<Item>& out);
    static void keep_largest_allowances(std::vector<Item>& items);
    void join_equal_stacks(std::vector<Item>& items);
    StackId with_guard(StackId stacks, ExprId guard);
    static uint64_t hash_of(const Config& config);

    // automaton_mask.cpp
    void fill_row(StateId state, std::span<uint32_t> row);
    static void write(const Tokens& tokens, std::span<uint32_t> words);
    static void write(const Mask& mask, std::span<uint32_t> words);
    void flatten(Mask& mask) const;
    SharedBits same_row(const SharedBits& row);
    const Mask& mask_of(StateId state);
    const Mask& make_mask(StateId state);
    std::unique_ptr<Mask> build_mask(StateId state);
    std::unique_ptr<Mask> build_mask_checked(StateId state);
    bool add_lex_mask(const Item& item, Mask& mask);
    void collect_lex_mask(const std::shared_ptr<const LexMask>& lex, StateId next, Mask& mask);
    bool can_split(const Item& item) const;
    std::shared_ptr<const Tokens> exit_tokens(const std::shared_ptr<const LexMask>& lex, StateId next);
    static void unite(Mask& mask, Mask other);
    static size_t count_bytes(const Mask& mask);
    void walk_narrow(const Trie& trie, int32_t root, StateId state, std::vector<Item> narrow, Tokens& out);
    void tokens_below(const Trie& trie, int32_t node, StateId state, Tokens& out);
    const std::shared_ptr<const LexMask>& mask_below(ExprId lex, int32_t node);
    void walk_trie(const Trie& trie, int32_t root, StateId state, Tokens& out);
    template <typename Visit>
    void visit_token_ends(StateId state, Visit visit);
    std::vector<std::pair<StateId, int32_t>> token_ends(StateId state);
    bool token_alive(StateId state);
    Life known_token_life(StateId state);
    void search_token_life(StateId state);
    void require_spelling();

    // automaton_counted.cpp
    static bool is_counted(const Config& config);
    StateId after_token(StateId state);
    static bool has_plenty(const Item& item);
    bool is_hopeless(const Item& item);
    bool has_enough(const Item& item);
    void look_at_counts();
    int32_t fewest_tokens_in(ExprId lex, int32_t most);
    struct TokenSteps {
        bool leaves = false;         // some token reads a text, and may go on behind it
        bool ends = false;           // some token ends with a text
        std::vector<ExprId> states;  // at the end of one token
    };
    const TokenSteps& token_steps(ExprId lex);
    int32_t count_tokens(ExprId lex, int32_t most, bool may_go_on);
    int32_t tokens_of_shortest(ExprId lex);
    StateId uncounted(StateId state);
    std::unique_ptr<Mask> build_counted_mask(StateId state);
    Life life_without_search(const Config& config);
    std::pair<StateId, size_t> read_token(StateId state, std::string_view text);
    std::vector<StateId> search_token_way(StateId start);
    std::vector<StateId> walk_tokens_out(StateId start);
    int32_t distance_in_tokens(StateId state);

    // automaton_guard.cpp
    bool step_guards(Item& item, uint8_t byte);
    bool is_doubtful(const Config& config);
    bool guard_alive(StateId state);
    int64_t missing_bytes(const Config& config);
    ByteSet bytes_in_doubt(const Config& config);

    // automaton_trail.cpp
    StateId step_untried(StateId state, uint8_t byte);
    bool trail_alive(StateId state);
    ByteSet to_try(const Config& config) const;
    ByteSet exact_alive(StateId state);
    std::unique_ptr<Mask> build_trail_mask(StateId state);
    static bool has_way_out(const ByteSet& alive, const Trail& trail);
    class RepeatWalk;

    // automaton_frames.cpp
    struct Cut {
        StackId above = StackSets::kNone;
        std::vector<StackId> below;   // what each bottom stands for
        bool reaches_bottom = false;  // what is below a frame around may come too
    };
    // Whether its lexemes can be looked at one by one.
    bool is_split_by_lexemes() const { return !program_->terminals().empty() && lexemes_->keeps_apart(); }
    std::unique_ptr<Mask> build_lexeme_mask(StateId state);
    bool allows(StateId state, std::string_view text);
    void add_item(const Item& item, Bits& row, std::vector<TokenId>& doubts);
    void add_lex_mask(const std::shared_ptr<const LexMask>& lex, StackId stacks, Bits& row,
                      std::vector<TokenId>& doubts);
    void read_on(const SharedPlaces& places, const Item& item, Tokens& out);
    void go_on(const SharedPlaces& places, StackId stacks, Tokens& out);
    std::shared_ptr<const Tokens> following(const SharedPlaces& places, StackId above);
    const Cut& cut(StackId stacks);
    StackId cut(StackId stacks, Cut& out, std::unordered_map<StackId, StackId>& known);
    StackId put_below(StackId stacks, const std::vector<StackId>& below, std::unordered_map<StackId, StackId>& known);

    // automaton_finish.cpp
    struct Way {
        int32_t tokens;  // the fewest that spell it, and the end token
        StateId next;    // itself: the text ends
        uint8_t byte;    // no meaning where terminals count: there it is a token that leads to `next`
    };
    int64_t weight_of(StackId stacks);
    int64_t weight_of_state(StateId state);
    std::string text_of(StateId state);
    std::string text_of_stacks(StackId stacks);
    using Reached = std::function<void(StateId, uint8_t)>;
    using Expand = std::function<void(StateId, const Reached&)>;
    std::vector<std::pair<StateId, uint8_t>> search_out(StateId start, const Expand& expand);
    std::string search_way(StateId state);
    std::vector<std::pair<StateId, uint8_t>> walk_out(StateId start);
    int32_t fewest_tokens(uint8_t byte, StateId next);
    int32_t distance_locked(StateId state);

    // automaton_memory.cpp
    void collect_if_needed(std::span<const StateId> in_use);
    void collect(std::span<const StateId> in_use);
    void drop_derived();
    void keep_ways(std::vector<bool>& keep) const;
    void drop_states(std::span<const StateId> in_use);
    std::vector<StateId> pinned_states();
    size_t memory() const;

    std::shared_ptr<Vocabulary> vocabulary_;
    std::string code_, text_;
    Limits limits_;
    std::shared_ptr<Lexer> lexer_;
    std::unique_ptr<Program> program_;
    std::unique_ptr<Frames> frames_;
    std::unique_ptr<Lexemes> lexemes_;
    std::unique_ptr<Reaches> reaches_;
    StackSets stacks_;
    std::unordered_map<int64_t, Fragment> closures_;
    std::array<std::unordered_map<uint64_t, std::shared_ptr<const ClosurePlan>>, 2> plans_;  // by position and guard
    struct ExitKey {
        const LexMask* lex;
        StateId next;
        bool operator==(const ExitKey&) const = default;
    };
    struct ExitHash {
        size_t operator()(const ExitKey& key) const { return mix(reinterpret_cast<uintptr_t>(key.lex), key.next); }
    };
    struct ExitEntry {
        std::shared_ptr<const LexMask> lex;  // alive as long as its address is a key
        std::shared_ptr<const Tokens> tokens;
    };
    std::unordered_map<ExitKey, ExitEntry, ExitHash> exit_tokens_;
    struct FollowingKey {
        const Places* places;
        StackId above;
        bool operator==(const FollowingKey&) const = default;
    };
    struct FollowingHash {
        size_t operator()(const FollowingKey& key) const {
            return mix(reinterpret_cast<uintptr_t>(key.places), key.above);
        }
    };
    struct FollowingEntry {
        SharedPlaces places;  // alive as long as its address is a key
        std::shared_ptr<const Tokens> tokens;
    };
    std::unordered_map<FollowingKey, FollowingEntry, FollowingHash> following_;
    std::unordered_map<StackId, Cut> cuts_;
    std::unordered_map<uint64_t, std::shared_ptr<const LexMask>> masks_below_;  // by lexer state and node
    std::unordered_map<uint64_t, std::weak_ptr<const Bits>> rows_;              // of masks, by their hash
    std::unordered_map<StateId, Way> ways_;
    std::unordered_map<StackId, int64_t> weights_;
    struct Fewest {
        int32_t tokens;  // more than `most` if these do not suffice
        int32_t most;
    };
    std::unordered_map<ExprId, Fewest> fewest_in_;
    std::unordered_map<ExprId, TokenSteps> token_steps_;
    bool is_scarce_ = false;  // some may take so few tokens that one may lead too far into them
    std::vector<std::pair<StateId, const Config*>> walk_path_;  // scratch of `walk_trie`, by depth
    std::vector<uint64_t> last_look_;                           // scratch of `has_equal_stacks`, by stacks
    uint64_t looked_at_ = 0;
    StateTable<Config> configs_;
    HashIndex config_index_;
    StateId start_ = kDead;

    std::shared_mutex gc_;
    std::atomic<size_t> bytes_{0};      // of configurations, tables and masks
    std::atomic<size_t> all_bytes_{0};  // with stacks and positions; refreshed after each slow path
    std::atomic<size_t> collect_above_{0};
    size_t live_states_ = 0, masks_ = 0, collections_ = 0;
    size_t closure_bytes_ = 0, exit_bytes_ = 0, lexer_used_ = 0;
    std::mutex matchers_mutex_;
    std::unordered_set<Matcher*> matchers_;
};

template <typename Hold>
StateId Automaton::step_pinned(StateId state, TokenId token, Hold hold) {
    collect_if_needed({&state, 1});
    std::shared_lock gc(gc_);
    StateId next = step_token(state, token);
    hold(next);
    return next;
}

}  // namespace latticework
