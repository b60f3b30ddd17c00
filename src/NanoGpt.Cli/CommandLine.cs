using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text;
using NanoGpt.Data;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>The commands together: what was typed goes to one of them, and whatever goes wrong comes out as one sentence.</summary>
static class CommandLine
{
    public static int Run(string[] args)
    {
        if (OperatingSystem.IsWindows()) Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Terminal.OutliveIt();
        try
        {
            var result = Root().Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
            if (result.Action is ParseErrorAction) throw new ArgumentException(FirstFault(result));
            return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception e)
        {
            return Fault.Report(e);
        }
    }

    static RootCommand Root()
    {
        var root = new RootCommand("Trains GPTs and writes text with them, on the CPU, with nothing but .NET.")
        {
            PrepareCommand.Create(), DataCommand.Create(), TokenizeCommand.Create(), TokenizerCommand.Create(), TrainCommand.Create(), CompareCommand.Create(),
            SampleCommand.Create(), EvalCommand.Create(), ExportCommand.Create(), BenchCommand.Create(), DoctorCommand.Create(),
        };
        root.SetAction(_ => Overview.Show());
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    /// <summary>The sentence for a command line that cannot be understood; a near miss is answered with what was probably meant.</summary>
    static string FirstFault(ParseResult result)
    {
        var command = result.CommandResult.Command;
        if (result.UnmatchedTokens.Count == 0) return Missing(result, command) ?? result.Errors[0].Message;
        string token = result.UnmatchedTokens[0], name = token.Split('=')[0];
        if (command is RootCommand && !name.StartsWith('-'))
            return $"there is no command '{name}'; did you mean '{Nearest.Name(name, command.Subcommands.Select(c => c.Name))}'? 'nanogpt --help' lists the commands.";
        if (!name.StartsWith('-'))
            return $"'{token}' is one argument too many for 'nanogpt {command.Name}'; options are written --name=value.";
        return $"there is no option '{name}'; did you mean '{Nearest.Name(name, command.Options.Select(o => o.Name))}'?";
    }

    /// <summary>The sentence where a command, a value or an argument is missing; null where something else is wrong.</summary>
    static string? Missing(ParseResult result, Command command)
    {
        if (command.Action is null) return $"'nanogpt {command.Name}' needs one of its commands: {string.Join(", ", command.Subcommands.Select(c => c.Name))}; 'nanogpt {command.Name} --help' explains them.";
        if (result.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(option => option is { Implicit: false, Tokens.Count: 0, Option.Arity.MinimumNumberOfValues: > 0 }) is { Option: var option })
            return $"'{option.Name}' needs a value: {option.Name}={option.HelpName ?? "VALUE"}.";
        return command.Arguments.FirstOrDefault(argument => argument.Arity.MinimumNumberOfValues > 0 && result.GetResult(argument) is not { Tokens.Count: > 0 }) is { } argument
            ? $"'nanogpt {command.Name}' needs {argument.Name}: {argument.Description}." : null;
    }

    /// <summary>The usual help, then examples.</summary>
    sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            usual.MaxWidth = 100;
            var command = parseResult.CommandResult.Command as DocumentedCommand;
            if (command?.FullHelp is { } full) Console.Out.Write(full());
            else usual.Invoke(parseResult);
            if (command is not null) Console.Out.WriteLine($"Examples:\n{command.Examples}");
            return ExitCode.Success;
        }
    }
}
