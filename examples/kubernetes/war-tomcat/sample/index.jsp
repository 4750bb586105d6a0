<%@ page contentType="text/plain" %>version <%= application.getInitParameter("version") %> on <%= application.getServerInfo() %>
