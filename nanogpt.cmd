@echo off
rem Runs the command line, built when need be.
dotnet run -c Release --project "%~dp0src\NanoGpt.Cli" -- %*
