package usage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// Parse is app.Parse with errors that name the wrong flag and its environment variable, and the flag or command that was
// probably meant by one that does not exist. They do not quote arguments that are not flags, which may be secrets by
// mistake. It must be called once, after all flags are declared.
func Parse(app *kingpin.Application, args []string) (command string, err error) {
	for _, flag := range allFlags(app) {
		// Strings cannot be wrong, and kingpin's help quotes them by their type.
		if value := flag.Model().Value; reflect.TypeOf(value) != stringType {
			flag.SetValue(namedValue{value, flag})
		}
	}
	if len(args) > 1 && args[0] == "help" { // kingpin itself prints what is wrong with what follows, and exits
		for _, arg := range args[1:] {
			if !strings.HasPrefix(arg, "-") && arg != "help" && app.GetCommand(arg) == nil {
				return "", nameCommand(app, fmt.Errorf("unexpected %s", arg))
			}
		}
	}
	command, err = app.Parse(args)
	if errors.Is(err, syscall.EPIPE) {
		os.Exit(0) // nobody reads the help to its end, after which kingpin does the same
	}
	if missing := missingValue(app, args); missing != nil {
		return "", missing
	}
	if err != nil {
		err = nameFlag(app, err)
	}
	return command, err
}

// missingValue returns an error if a flag needs a value and has none. kingpin itself drops such a flag if the command is the
// default one.
func missingValue(app *kingpin.Application, args []string) error {
	if slices.Contains(args, "--completion-bash") {
		return nil // what follows is being typed
	}
	flags := allFlags(app)
	for i, arg := range args {
		name, long := strings.CutPrefix(arg, "--")
		if name == "" && long {
			break // there are no flags after --
		}
		at := slices.IndexFunc(flags, func(f *kingpin.FlagClause) bool { return f.Model().Name == name })
		if !long || at < 0 || flags[at].Model().IsBoolFlag() {
			continue
		}
		if i+1 == len(args) || len(args[i+1]) > 1 && args[i+1][0] == '-' {
			return fmt.Errorf("expected argument for %s", Name(flags[at]))
		}
	}
	return nil
}

var stringType = func() reflect.Type {
	var flag kingpin.FlagClause
	flag.String()
	return reflect.TypeOf(flag.Model().Value)
}()

// Name returns what errors call a flag: --scan.interval (REVOX_EXPORTER_SCAN_INTERVAL).
func Name(flag *kingpin.FlagClause) string {
	model := flag.Model()
	if model.Envar == "" {
		return "--" + model.Name
	}
	return fmt.Sprintf("--%s (%s)", model.Name, model.Envar)
}

// namedValue is a flag's value whose errors name the flag.
type namedValue struct {
	kingpin.Value
	flag *kingpin.FlagClause
}

// Set returns an error that names the flag if text is not a value of its type.
func (v namedValue) Set(text string) error {
	err := v.Value.Set(text)
	if err == nil {
		return nil
	}
	must := ""
	if getter, ok := v.Value.(kingpin.Getter); ok {
		switch getter.Get().(type) {
		case time.Duration:
			must = "a duration with a unit, such as 30s or 5m"
		case bool:
			must = "true or false"
		case int:
			must = "a whole number"
		case float64:
			must = "a number"
		}
	}
	if must == "" {
		return fmt.Errorf("%s: %w", Name(v.flag), err)
	}
	return fmt.Errorf("%s must be %s, not %q", Name(v.flag), must, text)
}

// IsBoolFlag reports whether the flag needs no value on the command line.
func (v namedValue) IsBoolFlag() bool {
	b, ok := v.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// IsCumulative reports whether the flag may be repeated.
func (v namedValue) IsCumulative() bool {
	c, ok := v.Value.(interface{ IsCumulative() bool })
	return ok && c.IsCumulative()
}

var parserFlag = regexp.MustCompile(`flag '(?:--)?([^']+)'`)

// nameFlag adds to an error of kingpin's parser the environment variable of the flag in it, or the flag that was
// probably meant.
func nameFlag(app *kingpin.Application, err error) error {
	found := parserFlag.FindStringSubmatch(err.Error())
	if found == nil {
		return nameCommand(app, err)
	}
	for _, flag := range allFlags(app) {
		switch model := flag.Model(); {
		case model.Name == found[1]:
			return fmt.Errorf("%s", strings.Replace(err.Error(), found[0], Name(flag), 1))
		case !model.Hidden && oneTypo(model.Name, found[1]):
			return fmt.Errorf("%w: did you mean --%s?", err, model.Name)
		}
	}
	return err
}

var parserArgument = regexp.MustCompile(`(?s)^(?:unexpected(?: argument)?|expected command but got) ['"]?(.*?)['"]?$`)

// nameCommand replaces an error of kingpin's parser about an argument that is neither a flag nor a command.
func nameCommand(app *kingpin.Application, err error) error {
	found := parserArgument.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	for _, command := range app.Model().Commands {
		if !command.Hidden && oneTypo(command.Name, found[1]) {
			return fmt.Errorf("unexpected argument: did you mean the command %s?", command.Name)
		}
	}
	return errors.New("unexpected argument: flags begin with --, and the command comes first")
}

// FlagWith returns what errors call the first flag that has a text in its value, "" if none has. No flag has "".
func FlagWith(app *kingpin.Application, text string) string {
	for _, flag := range allFlags(app) {
		if text != "" && strings.Contains(flag.Model().Value.String(), text) {
			return Name(flag)
		}
	}
	return ""
}

// WarnOfVariables logs a warning for each variable of environ that is named like those of app's flags but belongs to
// none. Values are not logged. known variables are passed over, as are those that Kubernetes sets for a service of
// the same name.
func WarnOfVariables(app *kingpin.Application, environ []string, logger *slog.Logger, known ...string) {
	prefix := strings.ToUpper(app.Name) + "_"
	service := regexp.MustCompile(`^(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$`)
	var variables []string
	for _, flag := range allFlags(app) {
		variables = append(variables, flag.Model().Envar)
	}
	for _, entry := range environ {
		variable, _, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(variable, prefix)
		if !ours || slices.Contains(variables, variable) || slices.Contains(known, variable) || service.MatchString(rest) {
			continue
		}
		logger := logger.With("variable", variable)
		if i := slices.IndexFunc(variables, func(v string) bool { return oneTypo(v, variable) }); i >= 0 {
			logger = logger.With("did_you_mean", variables[i])
		}
		logger.Warn("this environment variable has no effect: no flag has it")
	}
}

// oneTypo reports whether a and b differ by one character that is wrong, missing or added, or by two that are swapped.
func oneTypo(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// allFlags returns the flags of app and of its commands.
func allFlags(app *kingpin.Application) (flags []*kingpin.FlagClause) {
	model := app.Model()
	for _, flag := range model.Flags {
		flags = append(flags, app.GetFlag(flag.Name))
	}
	for _, command := range model.Commands {
		for _, flag := range command.Flags {
			flags = append(flags, app.GetCommand(command.Name).GetFlag(flag.Name))
		}
	}
	return flags
}
